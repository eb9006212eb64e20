package dev.postrider.tenancy;

import static dev.postrider.testkit.RunningApplication.await;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.postrider.testkit.Answer;
import dev.postrider.testkit.RunningApplication;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** An operator erases a workspace that has one of everything: nothing of it is left, and another one is as it was. */
class ErasureTest {

    private static TwoWorkspaces both;

    @BeforeAll
    static void start() {
        both = new TwoWorkspaces();
        both.everything.update("delete from postrider.erasures");
        both.everything.update("delete from postrider.retention_holds");
    }

    @AfterAll
    static void stop() {
        both.close();
    }

    @Test
    void of_an_erased_workspace_nothing_is_left_but_a_tombstone_blank_events_and_the_receipt() {
        UUID gone = both.victim.id();
        String path = "/v1/workspaces/" + gone;
        assertThat(operator("GET", path + "/erasure", null).status()).isEqualTo(404);
        Answer tooEarly = operator("POST", path + "/erasure", "{\"reason\": \"a test\"}");
        assertThat(tooEarly.status()).isEqualTo(409);
        assertThat(tooEarly.text("/detail"))
                .contains("is active")
                .contains("Delete it first: PATCH /v1/workspaces/{workspaceId}");
        assertThat(operator("POST", "/v1/workspaces/" + UUID.randomUUID() + "/erasure", "{\"reason\": \"a test\"}")
                        .status())
                .isEqualTo(404);
        assertThat(operator("POST", path + "/erasure", "{\"reason\": \" \"}").status())
                .isEqualTo(400);

        Map<String, Integer> before = counts(gone);
        Map<String, String> others = rows(both.attacker.id());
        assertThat(operator("PATCH", path, "{\"status\": \"deleted\", \"reason\": \"a test\"}")
                        .status())
                .isEqualTo(200);
        Answer asked = operator("POST", path + "/erasure", "{\"reason\": \"the customer asked\"}");
        assertThat(asked.status()).isEqualTo(202);
        // Another node helps, and goes away in the middle of it.
        try (RunningApplication second = RunningApplication.on(both.application.database())) {
            await().until(() -> !second.callAsOperator("GET", path + "/erasure", null)
                    .text("/status")
                    .isEmpty());
        }
        await().until(() ->
                operator("GET", path + "/erasure", null).text("/status").equals("completed"));

        JsonNode receipt = operator("GET", path + "/erasure", null).json();
        assertThat(receipt.path("erasureId").asText()).isEqualTo(asked.text("/erasureId"));
        assertThat(receipt.path("reason").asText()).isEqualTo("the customer asked");
        assertThat(receipt.path("actor").asText()).startsWith("api-key:");
        assertThat(receipt.path("heldUp").isNull()).isTrue();
        Map<String, Integer> left = counts(gone);
        int events = left.get("system_events");
        assertThat(receipt.path("blanked").asInt())
                .isEqualTo(events)
                .isGreaterThanOrEqualTo(before.get("system_events"));
        left.values().removeIf(rows -> rows == 0);
        assertThat(left).isEqualTo(Map.of("workspaces", 1, "erasures", 1, "system_events", events));
        before.forEach((table, rows) -> {
            if (!Set.of(
                                    "workspaces",
                                    "erasures",
                                    "system_events",
                                    "background_tasks",
                                    "dead_letters",
                                    "task_history",
                                    "task_dependencies")
                            .contains(table)
                    && rows > 0) {
                assertThat(receipt.at("/deleted/" + table).asInt()).as(table).isGreaterThanOrEqualTo(rows);
            }
        });
        assertThat(both.everything.queryForList(
                        "select name from postrider.workspaces where workspace_id = ? and erased_at is not null",
                        String.class,
                        gone))
                .containsExactly("erased");
        for (String table : both.tables()) {
            String row = table.equals("system_events") ? "t.payload::text || coalesce(t.actor, '')" : "t::text";
            assertThat(both.everything.queryForObject(
                            "select count(*) from postrider.%s t where %s ~ ('%s|' || encode('%3$s', 'hex'))"
                                    .formatted(table, row, TwoWorkspaces.MARKER),
                            Integer.class))
                    .as("what the workspace said, in %s", table)
                    .isZero();
        }
        assertThat(both.everything.queryForObject(
                        "select count(*) from postrider.accounting where workspace_id = ?", Integer.class, gone))
                .isZero();
        assertThat(both.everything.queryForObject("select postrider.unaccounted()", Long.class))
                .isZero();
        assertThat(rows(both.attacker.id())).isEqualTo(others);

        assertThat(both.application
                        .send(both.victim.key(), "GET", "/v1/tasks", null)
                        .status())
                .isEqualTo(401);
        assertThat(operator("POST", path + "/erasure", "{\"reason\": \"again\"}")
                        .text("/erasureId"))
                .isEqualTo(asked.text("/erasureId"));
        assertThat(operator("PATCH", path, "{\"status\": \"deleted\", \"reason\": \"a test\"}")
                        .status())
                .isEqualTo(409);
        assertThat(operator("POST", "/v1/workspaces", "{\"name\": \"again\", \"workspaceId\": \"%s\"}".formatted(gone))
                        .status())
                .isEqualTo(409);
        JsonNode event = both.everything.queryForList("""
                select payload::text from postrider.system_events
                 where workspace_id = '00000000-0000-0000-0000-000000000000' and event_type = 'workspace.erased' and actor like 'api-key:%'""", String.class).stream()
                .map(ErasureTest::json)
                .findFirst()
                .orElseThrow();
        assertThat(event.path("workspaceId").asText()).isEqualTo(gone.toString());
        assertThat(event.path("deleted")).isEqualTo(receipt.path("deleted"));
        assertThat(event.path("blanked")).isEqualTo(receipt.path("blanked"));
    }

    private static Map<String, Integer> counts(UUID workspace) {
        Map<String, Integer> counts = new HashMap<>();
        for (String table : both.tables()) {
            counts.put(
                    table,
                    both.everything.queryForObject(
                            "select count(*) from postrider.%s where workspace_id = ?".formatted(table),
                            Integer.class,
                            workspace));
        }
        return counts;
    }

    private static Map<String, String> rows(UUID workspace) {
        Map<String, String> rows = new HashMap<>();
        for (String table : both.tables()) {
            List<String> all = both.everything.queryForList(
                    "select t::text from postrider.%s t where workspace_id = ? order by 1".formatted(table),
                    String.class,
                    workspace);
            rows.put(table, String.join("\n", all));
        }
        return rows;
    }

    private static Answer operator(String method, String path, String body) {
        return both.application.callAsOperator(method, path, body);
    }

    private static JsonNode json(String text) {
        try {
            return new com.fasterxml.jackson.databind.ObjectMapper().readTree(text);
        } catch (com.fasterxml.jackson.core.JsonProcessingException e) {
            throw new IllegalStateException(e);
        }
    }
}
