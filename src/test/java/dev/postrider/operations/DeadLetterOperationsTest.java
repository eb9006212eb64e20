package dev.postrider.operations;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.postrider.testkit.RunningApplication;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What an operator does with dead letters in the console, asked as the console asks. */
class DeadLetterOperationsTest {

    /** Of its own: the MBeans of one JVM belong to the application that started last. */
    private static final RunningApplication APPLICATION = RunningApplication.start();

    private static final ObjectMapper JSON = new ObjectMapper();
    private static Console console;

    private UUID workspace;
    private String key;
    private String task;
    private String letter;

    @BeforeAll
    static void logIn() throws Exception {
        APPLICATION.route("tasks/operated.camel.yaml", """
                - beans:
                    - name: onlyOnce
                      type: dev.postrider.queue.DurableRedeliveryPolicy
                      properties: {maximumRedeliveries: 0}
                - route:
                    id: operated
                    description: Fails until its second attempt.
                    from:
                      uri: kamelet:task-source
                      parameters: {taskType: operated, redeliveryPolicy: onlyOnce}
                      steps:
                        - choice:
                            when:
                              - simple: "${exchangeProperty.attempt} == 1"
                                steps:
                                  - throwException: {exceptionType: java.lang.IllegalStateException, message: first}
                """);
        console = new Console(APPLICATION.managementPort());
        console.logIn("operator", RunningApplication.OPERATOR_PASSWORD);
    }

    @AfterAll
    static void stop() {
        APPLICATION.close();
    }

    @BeforeEach
    void aDeadLetterOfSomeWorkspace() {
        workspace = APPLICATION.newWorkspace();
        key = APPLICATION.newKey(workspace);
        task = APPLICATION
                .send(key, "POST", "/v1/tasks", "{\"taskType\": \"operated\", \"payload\": {\"n\": 1}}")
                .text("/taskId");
        RunningApplication.await()
                .until(() -> APPLICATION
                        .send(key, "GET", "/v1/tasks/" + task, null)
                        .text("/status")
                        .equals("dead"));
        letter = APPLICATION.send(key, "GET", "/v1/dead-letters", null).text("/items/0/deadLetterId");
    }

    @Test
    void it_is_listed_and_inspected_whatever_its_workspace() throws Exception {
        assertThat(execute("list", 50).at("/value").toString()).contains(letter, workspace.toString(), "first");

        JsonNode shown = JSON.readTree(execute("inspect", letter).at("/value").asText());

        assertThat(shown.at("/payload/n").asInt()).isEqualTo(1);
        assertThat(shown.at("/attempts/0/error").asText()).isEqualTo("first");
    }

    @Test
    void it_is_replayed_and_the_audit_trail_says_who_and_why() throws Exception {
        assertThat(execute("replay", letter, "mended").at("/value").asText()).contains(task);

        RunningApplication.await()
                .until(() -> APPLICATION
                        .send(key, "GET", "/v1/tasks/" + task, null)
                        .text("/status")
                        .equals("completed"));
        assertAudited("dead-letter.replayed", "mended");
    }

    @Test
    void it_is_replayed_and_discarded_only_with_a_reason() throws Exception {
        assertThat(execute("replay", letter, " ").at("/status").asInt()).isNotEqualTo(200);
        assertThat(execute("discard", letter, " ").at("/status").asInt()).isNotEqualTo(200);

        execute("discard", letter, "nobody needs it");

        assertThat(APPLICATION.send(key, "GET", "/v1/tasks/" + task, null).text("/status"))
                .isEqualTo("discarded");
        assertAudited("dead-letter.discarded", "nobody needs it");
    }

    @Test
    void many_are_counted_replayed_and_discarded_by_a_filter_with_a_reason() throws Exception {
        String mine = "{\"workspaceId\": \"%s\", \"taskType\": \"operated\"}".formatted(workspace);
        String unknown = "{\"workspaceId\": \"%s\", \"all\": true}".formatted(UUID.randomUUID());
        for (String bulk : List.of("replayAll", "discardAll")) {
            assertRefused(bulk, "{}", 0, false, "why");
            assertRefused(bulk, "no JSON", 0, false, "why");
            assertRefused(bulk, unknown, 0, false, "why");
            assertRefused(bulk, mine, -1, false, "why");
            assertRefused(bulk, mine, 0, false, " ");
        }
        assertThat(value(execute("discardAll", mine, 0, true, "why"))
                        .path("matched")
                        .asInt())
                .isOne();
        assertThat(value(execute("replayAll", "{\"all\": true}", 0, true, "why"))
                        .at("/matched")
                        .asInt())
                .isPositive();

        value(execute("replayAll", mine, 5, false, "mended"));

        RunningApplication.await()
                .until(() -> APPLICATION
                        .send(key, "GET", "/v1/tasks/" + task, null)
                        .text("/status")
                        .equals("completed"));
        assertAudited("dead-letter.replayed", "mended");
        assertAudited("replay.started", "mended");
    }

    @Test
    void a_job_over_all_workspaces_is_watched_paused_resumed_and_cancelled() throws Exception {
        String filter = "{\"deadTo\": \"2020-01-01T00:00:00Z\"}";
        String id = value(execute("discardAll", filter, 1, false, "of no use"))
                .path("replayId")
                .asText();
        APPLICATION
                .sql()
                .update(
                        "update postrider.replays set replay_status = 'paused', ended_at = null where replay_id = ?::uuid",
                        id);

        assertRefused("resumeReplay", id, " ");
        value(execute("resumeReplay", id, "go on"));
        RunningApplication.await()
                .until(() -> APPLICATION
                        .sql()
                        .queryForObject(
                                "select replay_status = 'completed' from postrider.replays where replay_id = ?::uuid",
                                Boolean.class,
                                id));
        assertThat(execute("replays").at("/value").toString()).contains(id);

        APPLICATION
                .sql()
                .update(
                        "update postrider.replays set replay_status = 'paused', ended_at = null where replay_id = ?::uuid",
                        id);
        assertThat(value(execute("pauseReplay", id, "wait")).path("status").asText())
                .isEqualTo("paused");
        assertThat(value(execute("cancelReplay", id, "not that one"))
                        .path("status")
                        .asText())
                .isEqualTo("cancelled");
        assertThat(APPLICATION
                        .sql()
                        .queryForList(
                                "select event_type || ' ' || actor || ' ' || (payload ->> 'reason') from postrider.system_events where payload ->> 'replayId' = ?",
                                String.class,
                                id))
                .contains(
                        "replay.started operator:operator of no use",
                        "replay.resumed operator:operator go on",
                        "replay.completed operator:operator of no use",
                        "replay.cancelled operator:operator not that one");
        assertRefused("cancelReplay", UUID.randomUUID().toString(), "why");
    }

    @Test
    void a_reload_of_routes_is_audited_too() throws Exception {
        ask("dev.postrider:type=Routes", "reload");

        assertThat(APPLICATION
                        .sql()
                        .queryForObject(
                                "select count(*) from postrider.system_events where event_type = 'routes.reloaded' and actor = 'operator:operator'",
                                Integer.class))
                .isPositive();
    }

    private void assertAudited(String type, String reason) {
        JsonNode row = APPLICATION
                .send(key, "GET", "/v1/system-events?type=" + type, null)
                .json()
                .at("/items/0");
        assertThat(row.at("/actor").asText()).isEqualTo("operator:operator");
        assertThat(row.at("/payload/reason").asText()).isEqualTo(reason);
    }

    private static void assertRefused(String operation, Object... arguments) throws Exception {
        assertThat(execute(operation, arguments).at("/status").asInt()).isNotEqualTo(200);
    }

    private static JsonNode value(JsonNode answer) throws Exception {
        assertThat(answer.at("/status").asInt()).as(answer.toString()).isEqualTo(200);
        return JSON.readTree(answer.at("/value").asText());
    }

    private static JsonNode execute(String operation, Object... arguments) throws Exception {
        return ask("dev.postrider:type=DeadLetters", operation, arguments);
    }

    private static JsonNode ask(String mbean, String operation, Object... arguments) throws Exception {
        return console.ask(
                "/actuator/jolokia",
                JSON.writeValueAsString(Map.of(
                        "type", "exec", "mbean", mbean, "operation", operation, "arguments", List.of(arguments))));
    }
}
