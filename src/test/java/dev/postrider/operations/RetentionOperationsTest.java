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

/** What operators do about retention in the console. */
class RetentionOperationsTest {

    /** Of its own: the MBeans of one JVM belong to the application that started last. */
    private static final RunningApplication APPLICATION = RunningApplication.start();

    private static final ObjectMapper JSON = new ObjectMapper();
    private static final String NOBODY = "00000000-0000-0000-0000-000000000000";

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
    void each_table_is_shown_with_what_is_kept_of_it_and_how_far_its_partitions_go() throws Exception {
        assertThat(text("run"))
                .contains("system_events  by month, 3 ahead, kept 400 days  ")
                .contains("task_history", "accepted_log", "inbound_receipts", "delivery_attempts")
                .contains(" 0 dropped  last looked after 2")
                .doesNotContain("null");
    }

    @Test
    void what_is_kept_is_changed_for_a_reason_and_audited() throws Exception {
        assertThat(text("keep", "inbound_receipts", "500", "an auditor asks"))
                .contains("inbound_receipts is kept 500 days");
        assertThat(text("settings")).contains("inbound_receipts  by month, 3 ahead, kept 500 days");
        assertThat(text("keep", "inbound_receipts", "", "for good")).contains("for ever");
        assertThat(text("partition", "inbound_receipts", "day", "5", "much comes in"))
                .contains("by day");
        assertThat(text("settings")).contains("inbound_receipts  by day, 5 ahead, kept for ever");
        text("partition", "inbound_receipts", "month", "3", "enough");
        text("keep", "inbound_receipts", "400", "enough");
        assertThat(audited(NOBODY))
                .contains(
                        "retention.changed operator:operator an auditor asks",
                        "retention.changed operator:operator much comes in");
    }

    @Test
    void a_workspace_is_held_and_released_for_a_reason_and_audited() throws Exception {
        UUID workspace = APPLICATION.newWorkspace();
        text("hold", workspace.toString(), "a lawsuit");
        assertThat(text("holds")).contains(workspace + "  since ").contains(" by operator:operator: a lawsuit");
        assertRefused("under a hold already", "hold", workspace.toString(), "another");
        text("release", workspace.toString(), "it is over");
        assertThat(text("holds")).doesNotContain(workspace.toString());
        assertThat(audited(workspace.toString()))
                .contains(
                        "retention.held operator:operator a lawsuit",
                        "retention.released operator:operator it is over");
    }

    @Test
    void what_cannot_be_done_is_refused_with_the_reason() throws Exception {
        assertRefused("reason is missing", "keep", "system_events", "500", " ");
        assertRefused("keepDays has to be 1 to 36500, and not 0", "keep", "system_events", "0", "why");
        assertRefused("keepDays has to be 1 to 36500, and not -3", "keep", "system_events", "-3", "why");
        assertRefused("is no whole number", "keep", "system_events", "a year", "why");
        // Deliveries are tried for longer, as nodes declare with their heartbeats.
        RunningApplication.await()
                .until(() -> APPLICATION
                        .sql()
                        .queryForObject("select postrider.longest_redelivery_window() > '2 days'", Boolean.class));
        assertRefused("is less than the", "keep", "system_events", "2", "why");
        assertRefused("is no partitioned table", "keep", "workspaces", "500", "why");
        assertRefused("partitionBy has to be day or month", "partition", "system_events", "week", "3", "why");
        assertRefused("ahead has to be 1 to 366", "partition", "system_events", "day", "0", "why");
        assertRefused("is no partitioned table", "partition", "workspaces", "day", "3", "why");
        assertRefused("no id of a workspace", "hold", "demo", "why");
        assertRefused("does not exist", "hold", UUID.randomUUID().toString(), "why");
        assertRefused("is under no hold", "release", UUID.randomUUID().toString(), "why");
    }

    private static void assertRefused(String reason, String operation, Object... arguments) throws Exception {
        JsonNode answer = execute(operation, arguments);
        assertThat(answer.at("/status").asInt()).as(operation).isNotEqualTo(200);
        assertThat(answer.at("/error").asText()).contains(reason);
    }

    private static List<String> audited(String workspace) {
        return APPLICATION
                .sql()
                .queryForList(
                        "select concat_ws(' ', event_type, actor, payload ->> 'reason') from postrider.system_events where workspace_id = ?::uuid",
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
                        "dev.postrider:type=Retention",
                        "operation",
                        operation,
                        "arguments",
                        List.of(arguments))));
    }
}
