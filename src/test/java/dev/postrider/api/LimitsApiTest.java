package dev.postrider.api;

import static org.assertj.core.api.Assertions.assertThat;

import dev.postrider.testkit.Answer;
import dev.postrider.testkit.RunningApplication;
import java.util.UUID;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Limits that a workspace sets for its limit keys, and the share that operators give it. */
class LimitsApiTest {

    private static final RunningApplication APPLICATION = RunningApplication.shared();

    private UUID workspace;
    private String key;

    @BeforeEach
    void inAWorkspace() {
        workspace = APPLICATION.newWorkspace();
        key = APPLICATION.newKey(workspace);
    }

    @Test
    void a_limit_is_set_shown_replaced_and_removed() {
        assertThat(call("PUT", "/v1/limits/api%3Aone", "{\"maxRunning\": 3, \"ratePerSecond\": 0.5}")
                        .body())
                .contains("\"limitKey\": \"api:one\"", "\"maxRunning\": 3", "\"ratePerSecond\": 0.5");
        assertThat(call("PUT", "/v1/limits/api%3Aone", "{\"maxRunning\": 4}").status())
                .isEqualTo(200);

        Answer shown = call("GET", "/v1/limits/api%3Aone", null);
        assertThat(shown.json().at("/maxRunning").asInt()).isEqualTo(4);
        assertThat(shown.json().at("/ratePerSecond").isNull()).isTrue();

        assertThat(call("DELETE", "/v1/limits/api%3Aone", null).status()).isEqualTo(204);
        assertThat(call("DELETE", "/v1/limits/api%3Aone", null).status()).isEqualTo(404);
        assertThat(call("GET", "/v1/limits/api%3Aone", null).status()).isEqualTo(404);
        assertThat(call("GET", "/v1/limits", null).json().at("/items")).isEmpty();
    }

    @Test
    void limits_are_listed_by_their_keys_page_by_page() {
        for (String name : new String[] {"c", "a", "b"}) {
            call("PUT", "/v1/limits/" + name, "{\"maxRunning\": 1}");
        }
        APPLICATION.callAsOperator(
                "PATCH", "/v1/workspaces/" + workspace, "{\"maxRunning\": 9, \"reason\": \"the operators' own\"}");

        Answer first = call("GET", "/v1/limits?limit=2", null);
        assertThat(first.json().at("/items").findValuesAsText("limitKey")).containsExactly("a", "b");
        assertThat(first.text("/nextCursor")).isEqualTo("b");
        Answer second = call("GET", "/v1/limits?limit=2&cursor=b", null);
        assertThat(second.json().at("/items").findValuesAsText("limitKey")).containsExactly("c");
        assertThat(second.json().at("/nextCursor").isNull()).isTrue();
    }

    @Test
    void operators_change_of_a_share_what_they_give_and_null_removes_a_limit() {
        Answer changed = patch("{\"weight\": 5, \"maxRunning\": 10, \"ratePerSecond\": 2, \"reason\": \"big\"}");
        assertThat(changed.body()).contains("\"weight\": 5", "\"maxRunning\": 10", "\"ratePerSecond\": 2");
        assertThat(changed.text("/status")).isEqualTo("active");

        Answer again = patch("{\"maxRunning\": null, \"reason\": \"no limit\"}");
        assertThat(again.body()).contains("\"weight\": 5", "\"maxRunning\": null", "\"ratePerSecond\": 2");

        Answer both = patch("{\"status\": \"suspended\", \"weight\": 1, \"reason\": \"unpaid\"}");
        assertThat(both.text("/status")).isEqualTo("suspended");
        assertThat(both.json().at("/weight").asInt()).isEqualTo(1);

        assertThat(APPLICATION.sql().queryForList("""
                select payload ->> 'reason' from postrider.system_events
                 where workspace_id = ? and event_type in ('workspace.share-changed', 'workspace.suspended')
                 order by event_id""", String.class, workspace))
                .containsExactlyInAnyOrder("big", "no limit", "unpaid", "unpaid");
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '~', textBlock = """
            {"weight": 0, "reason": "why"}         | weight
            {"weight": 101, "reason": "why"}       | weight
            {"weight": null, "reason": "why"}      | weight
            {"maxRunning": -1, "reason": "why"}    | maxRunning
            {"maxRunning": 1.5, "reason": "why"}   | maxRunning
            {"ratePerSecond": 0, "reason": "why"}  | ratePerSecond
            {"weight": 2}                          | reason
            {"reason": "why"}                      | body
            """)
    void a_bad_share_is_refused_by_its_field(String body, String field) {
        assertRefused(patch(body), field);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '~', textBlock = """
            {"maxRunning": -1}    | maxRunning
            {"maxRunning": "2"}   | maxRunning
            {"ratePerSecond": 0}  | ratePerSecond
            {"weight": 2}         | weight
            {}                    | body
            """)
    void a_bad_limit_is_refused_by_its_field(String body, String field) {
        assertRefused(call("PUT", "/v1/limits/api", body), field);
        assertThat(call("GET", "/v1/limits/api", null).status()).isEqualTo(404);
    }

    @Test
    void a_limit_without_a_key_or_with_one_that_is_too_long_is_refused() {
        assertThat(call("PUT", "/v1/limits/", "{\"maxRunning\": 1}").status()).isEqualTo(405);
        assertRefused(call("PUT", "/v1/limits/" + "k".repeat(256), "{\"maxRunning\": 1}"), "limitKey");
    }

    @Test
    void the_limits_of_endpoints_are_the_endpoints_own() {
        String endpoint = call(
                        "POST",
                        "/v1/endpoints",
                        "{\"url\": \"http://93.184.216.34/\", \"eventTypes\": [\"*\"], \"concurrency\": 2}")
                .text("/endpointId");
        String path = "/v1/limits/endpoint%3A" + endpoint;
        assertRefused(call("PUT", path, "{\"maxRunning\": 0}"), "limitKey");
        assertRefused(call("DELETE", path, null), "limitKey");
        assertThat(call("GET", path, null).status()).isEqualTo(404);
        assertThat(call("GET", "/v1/limits", null).json().at("/items")).isEmpty();
        assertRefused(
                call("POST", "/v1/tasks", "{\"taskType\": \"x\", \"limitKey\": \"endpoint:%s\"}".formatted(endpoint)),
                "limitKey");
        assertThat(APPLICATION
                        .sql()
                        .queryForObject(
                                "select max_running from postrider.task_limits where workspace_id = ?",
                                Integer.class,
                                workspace))
                .isEqualTo(2);
    }

    @Test
    void a_share_of_a_workspace_that_is_not_there_or_asked_for_by_a_tenant_is_refused() {
        String share = "{\"weight\": 2, \"reason\": \"why\"}";
        assertThat(APPLICATION
                        .callAsOperator("PATCH", "/v1/workspaces/" + UUID.randomUUID(), share)
                        .status())
                .isEqualTo(404);
        assertThat(call("PATCH", "/v1/workspaces/" + workspace, share).status()).isEqualTo(403);
    }

    private static void assertRefused(Answer answer, String field) {
        assertThat(answer.status()).as(answer.body()).isEqualTo(400);
        assertThat(answer.json().at("/errors")).as(answer.body()).anySatisfy(error -> {
            assertThat(error.at("/field").asText()).isEqualTo(field);
            assertThat(error.at("/message").asText()).isNotBlank();
        });
    }

    private Answer patch(String body) {
        return APPLICATION.callAsOperator("PATCH", "/v1/workspaces/" + workspace, body);
    }

    private Answer call(String method, String path, String body) {
        return APPLICATION.send(key, method, path, body);
    }
}
