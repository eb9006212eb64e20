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
