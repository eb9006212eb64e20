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
import org.junit.jupiter.api.Test;

/** What an operator sees of the queue in the console, and does to it, asked as the console asks. */
class QueueOperationsTest {

    /** Of its own: the MBeans of one JVM belong to the application that started last. */
    private static final RunningApplication APPLICATION = RunningApplication.start();

    private static final ObjectMapper JSON = new ObjectMapper();
    private static final UUID NOBODY = new UUID(0, 0);
    private static Console console;

    @BeforeAll
    static void logIn() throws Exception {
        console = new Console(APPLICATION.managementPort());
        console.logIn("operator", RunningApplication.OPERATOR_PASSWORD);
    }

    @AfterAll
    static void stop() {
        APPLICATION.close();
    }

    @Test
    void a_task_type_is_paused_and_resumed_and_the_trail_says_who_and_why() throws Exception {
        APPLICATION.enqueue("console-type", "{}");
        assertThat(text("depths")).contains("console-type  waiting 1", "no node has a handler");

        assertThat(text("pauseTaskType", "console-type", "", "an outage")).contains("is paused on all nodes");
        assertThat(text("depths")).contains("oldest").containsPattern("console-type .* paused");
        assertThat(text("resumeTaskType", "console-type", "over")).contains("not paused");

        assertThat(audited(NOBODY))
                .contains("task-type.paused operator:operator an outage", "task-type.resumed operator:operator over");
    }

    @Test
    void a_workspace_is_paused_until_a_moment_and_resumed_and_the_trail_says_who_and_why() throws Exception {
        UUID workspace = APPLICATION.newWorkspace();

        text("pauseWorkspace", workspace.toString(), "2999-01-31T12:00:00Z", "too much");
        assertThat(text("limits", workspace.toString()))
                .contains("the whole workspace", "paused until 2999-01-31T12:00:00.000Z");
        assertThat(APPLICATION
                        .send(APPLICATION.newKey(workspace), "POST", "/v1/tasks", "{\"taskType\": \"console-waits\"}")
                        .status())
                .as("a paused workspace still takes work in")
                .isEqualTo(202);
        text("resumeWorkspace", workspace.toString(), "enough");

        assertThat(execute("limits", workspace.toString()).at("/value")).isEmpty();
        assertThat(audited(workspace))
                .contains("workspace.paused operator:operator too much", "workspace.resumed operator:operator enough");
    }

    @Test
    void running_tasks_are_shown_with_their_node_and_progress() throws Exception {
        String task = APPLICATION.enqueue("console-running", "{}");
        APPLICATION.sql().update("""
                update postrider.background_tasks
                   set task_status = 'processing', ready = false, worker_id = 'a-node', attempt_count = 3, claimed_at = now(),
                       progress = 40, progress_text = 'page 2 of 5'
                 where task_id = ?::uuid""", task);

        assertThat(text("running", 50))
                .contains(task + "  " + RunningApplication.WORKSPACE + "  console-running  on a-node since ")
                .contains("attempt 3  40 % page 2 of 5");
    }

    @Test
    void nodes_are_shown_with_their_last_heartbeat() {
        RunningApplication.await()
                .untilAsserted(() ->
                        assertThat(text("nodes")).contains("last heartbeat").contains("s ago"));
    }

    @Test
    void what_cannot_be_done_is_refused_with_the_reason() throws Exception {
        assertRefused("reason is missing", "pauseTaskType", "console-type", "", " ");
        assertRefused("until: ", "pauseTaskType", "console-type", "tomorrow", "why");
        assertRefused("until has to be in the future", "pauseTaskType", "console-type", "2001-01-01T00:00:00Z", "why");
        assertRefused("is not paused", "resumeTaskType", "console-never", "why");
        assertRefused("no id of a workspace", "pauseWorkspace", "demo", "", "why");
        assertRefused("does not exist", "pauseWorkspace", UUID.randomUUID().toString(), "", "why");
    }

    private static void assertRefused(String reason, String operation, Object... arguments) throws Exception {
        JsonNode answer = execute(operation, arguments);
        assertThat(answer.at("/status").asInt()).as(operation).isNotEqualTo(200);
        assertThat(answer.at("/error").asText()).contains(reason);
    }

    private static List<String> audited(UUID workspace) {
        return APPLICATION
                .sql()
                .queryForList(
                        "select concat_ws(' ', event_type, actor, payload ->> 'reason') from postrider.system_events where workspace_id = ?",
                        String.class,
                        workspace);
    }

    private static String text(String operation, Object... arguments) throws Exception {
        JsonNode answer = execute(operation, arguments);
        assertThat(answer.at("/status").asInt()).as(answer.toString()).isEqualTo(200);
        return answer.at("/value").toString();
    }

    private static JsonNode execute(String operation, Object... arguments) throws Exception {
        return console.ask(
                "/actuator/jolokia",
                JSON.writeValueAsString(Map.of(
                        "type",
                        "exec",
                        "mbean",
                        "dev.postrider:type=Queue",
                        "operation",
                        operation,
                        "arguments",
                        List.of(arguments))));
    }
}
