package dev.postrider.api;

import static org.assertj.core.api.Assertions.assertThat;

import dev.postrider.testkit.Answer;
import dev.postrider.testkit.RunningApplication;
import java.util.List;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** A request that does not fit the contract gets a problem document that names the field, and changes nothing. */
class BadInputTest {

    private static final RunningApplication APPLICATION = RunningApplication.shared();

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            {"taskType": "bad", "payload": "text"}            | payload
            {"taskType": "bad", "priorityRank": 101}          | priorityRank
            {"taskType": "bad", "priorityRank": "high"}       | priorityRank
            {"taskType": "bad", "scheduledAt": "tomorrow"}    | scheduledAt
            {"taskType": "bad", "uniqueKey": ""}              | uniqueKey
            {"taskType": "bad", "workspaceId": "x"}           | workspaceId
            {"taskType": "Bad Type"}                          | taskType
            {"payload": {}}                                   | taskType
            {"taskType": "bad", "taskType": "twice"}          | body
            {"taskType": "bad"} and more                      | body
            {"taskType":                                      | body
            ["taskType"]                                      | body
            """)
    void a_bad_body_is_400_and_names_the_field(String body, String field) {
        Answer answer = APPLICATION.call("POST", "/v1/tasks", body);

        assertThat(answer.status()).isEqualTo(400);
        assertThat(answer.headers().firstValue("Content-Type")).hasValue("application/problem+json");
        assertThat(StreamSupport.stream(answer.json().get("errors").spliterator(), false)
                        .map(error -> error.get("field").asText()))
                .contains(field);
        assertNothingWasEnqueued();
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            []                                                                       | body
            {"taskType": "bad"}                                                      | body
            [{"taskType": "bad"}, {"taskType": "bad", "priorityRank": 101}]          | 1.priorityRank
            [{"taskType": "bad"}, {"taskType": "bad", "workspaceId": "x"}]           | 1.workspaceId
            [{"taskType": "bad"}, {"payload": {}}]                                   | 1.taskType
            [{"taskType": "bad"}, 7]                                                 | 1
            [{"taskType": "bad"}, {"taskType": "bad", "ref": "a", "after": ["a"]}]   | tasks[1].after
            """)
    void a_bad_task_of_a_batch_is_400_names_the_place_and_none_is_enqueued(String body, String field) {
        Answer answer = APPLICATION.call("POST", "/v1/tasks/batch", body);

        assertThat(answer.status()).isEqualTo(400);
        assertThat(answer.body()).contains(field);
        assertNothingWasEnqueued();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "/v1/tasks?limit=0",
                "/v1/tasks?limit=many",
                "/v1/tasks?status=lost",
                "/v1/tasks?from=yesterday",
                "/v1/tasks?cursor=x",
                "/v1/tasks?unknown=1",
                "/v1/tasks/not-an-id",
                "/v1/dead-letters/not-an-id"
            })
    void a_bad_parameter_is_400(String path) {
        assertThat(APPLICATION.call("GET", path, null).status()).isEqualTo(400);
    }

    @ParameterizedTest
    @ValueSource(strings = {"tasks", "events", "deliveries", "receipts", "system-events", "dead-letters", "replays"})
    void a_range_that_is_reversed_or_empty_is_400_and_one_far_away_is_answered(String list) {
        String range = "/v1/" + list + "?from=%s&to=%s";
        for (String reversed : List.of(
                range.formatted("2026-02-02T00:00:00Z", "2026-02-01T00:00:00Z"),
                range.formatted("2026-02-02T00:00:00Z", "2026-02-02T01:00:00%2B01:00"))) {
            Answer answer = APPLICATION.call("GET", reversed, null);
            assertThat(answer.status()).as(reversed).isEqualTo(400);
            assertThat(answer.body()).contains("to: is not later than from");
        }
        for (String far : List.of(
                range.formatted("0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"),
                range.formatted("1066-10-14T00:00:00Z", "1066-10-15T00:00:00Z"),
                range.formatted("9998-01-01T00:00:00Z", "9999-01-01T00:00:00Z"),
                "/v1/" + list + "?from=9998-01-01T00:00:00Z",
                "/v1/" + list + "?to=1066-10-14T00:00:00Z")) {
            assertThat(APPLICATION.call("GET", far, null).status()).as(far).isEqualTo(200);
        }
    }

    @Test
    void a_payload_over_the_cap_is_413_wherever_the_cap_is_met() {
        String large = "{\"taskType\": \"bad\", \"payload\": {\"text\": \"%s\"}}";

        assertThat(APPLICATION
                        .call("POST", "/v1/tasks", large.formatted("x".repeat(256 * 1024)))
                        .status())
                .isEqualTo(413);
        assertThat(APPLICATION
                        .call("POST", "/v1/tasks", large.formatted("x".repeat(2_000_000)))
                        .status())
                .isEqualTo(413);
        assertNothingWasEnqueued();
    }

    @Test
    void a_text_that_postgresql_cannot_store_is_400() {
        Answer answer =
                APPLICATION.call("POST", "/v1/tasks", "{\"taskType\": \"bad\", \"payload\": {\"text\": \"\\u0000\"}}");

        assertThat(answer.status()).isEqualTo(400);
        assertThat(answer.body()).doesNotContain("select", "jsonb_to_record");
    }

    @Test
    void another_content_type_is_415() {
        assertThat(APPLICATION
                        .call("POST", "/v1/tasks", "taskType=bad", "Content-Type", "application/x-www-form-urlencoded")
                        .status())
                .isEqualTo(415);
    }

    @ParameterizedTest
    @CsvSource({"GET,/v1/nowhere,404", "PUT,/v1/tasks,405", "GET,/nowhere,404"})
    void an_unknown_path_or_method_is_a_problem_document_too(String method, String path, int status) {
        Answer answer = APPLICATION.call(method, path, null);

        assertThat(answer.status()).isEqualTo(status);
        assertThat(answer.headers().firstValue("Content-Type")).hasValue("application/problem+json");
    }

    @Test
    void a_missing_or_wrong_key_is_401_before_anything_is_read() {
        assertThat(APPLICATION.send(null, "POST", "/v1/tasks", "{").status()).isEqualTo(401);
        assertThat(APPLICATION.send("prk_wrong", "POST", "/v1/tasks", "{").status())
                .isEqualTo(401);
    }

    @Test
    void a_key_without_the_scope_is_403_and_so_is_a_workspaces_key_on_an_operators_path() {
        String inspecting = APPLICATION
                .callAsOperator(
                        "POST",
                        "/v1/workspaces/" + RunningApplication.WORKSPACE + "/keys",
                        "{\"scopes\": [\"inspect\"]}")
                .text("/apiKey");

        assertThat(APPLICATION
                        .send(inspecting, "POST", "/v1/tasks", "{\"taskType\": \"bad\"}")
                        .status())
                .isEqualTo(403);
        assertThat(APPLICATION.call("GET", "/v1/workspaces", null).status()).isEqualTo(403);
        assertThat(APPLICATION.callAsOperator("GET", "/v1/tasks", null).status())
                .isEqualTo(403);
    }

    @Test
    void headers_and_query_of_a_caller_cannot_choose_the_workspace() {
        String other = APPLICATION.newWorkspace().toString();

        Answer answer = APPLICATION.call(
                "POST", "/v1/tasks", "{\"taskType\": \"bad-header\"}", "workspaceId", other, "workspace", other);

        assertThat(APPLICATION
                        .sql()
                        .queryForObject(
                                "select workspace_id::text from postrider.background_tasks where task_id = ?::uuid",
                                String.class,
                                answer.text("/taskId")))
                .isEqualTo(RunningApplication.WORKSPACE.toString());
        assertThat(answer.headers().map()).doesNotContainKeys("workspaceid", "authorization");
    }

    @Test
    void an_idempotency_key_answers_the_same_again_and_refuses_another_request() {
        String body = "{\"taskType\": \"bad-idempotent\"}";

        Answer first = APPLICATION.call("POST", "/v1/tasks", body, "Idempotency-Key", "bad-1");
        Answer again = APPLICATION.call("POST", "/v1/tasks", body, "Idempotency-Key", "bad-1");
        Answer other =
                APPLICATION.call("POST", "/v1/tasks", "{\"taskType\": \"bad-other\"}", "Idempotency-Key", "bad-1");
        Answer elsewhere = APPLICATION.send(
                APPLICATION.newKey(APPLICATION.newWorkspace()), "POST", "/v1/tasks", body, "Idempotency-Key", "bad-1");

        assertThat(again.status()).isEqualTo(202);
        assertThat(again.text("/taskId")).isEqualTo(first.text("/taskId"));
        assertThat(other.status()).isEqualTo(409);
        assertThat(elsewhere.text("/taskId")).isNotEqualTo(first.text("/taskId"));
    }

    private static void assertNothingWasEnqueued() {
        assertThat(APPLICATION
                        .sql()
                        .queryForObject(
                                "select count(*) from postrider.background_tasks where task_type = 'bad'",
                                Integer.class))
                .isZero();
    }
}
