package dev.postrider.queue;

import static dev.postrider.testkit.RunningApplication.WORKSPACE;
import static dev.postrider.testkit.RunningApplication.await;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.postrider.testkit.RunningApplication;
import java.util.UUID;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What a handler tells of its task while it runs. */
class ProgressTest {

    private static final RunningApplication APPLICATION = RunningApplication.shared();

    @Test
    void progress_is_seen_while_the_handlers_own_transaction_is_open_and_a_new_attempt_begins_without() {
        Gate first = new Gate();
        Gate second = new Gate();
        APPLICATION.camel().getRegistry().bind("progressFirst", first);
        APPLICATION.camel().getRegistry().bind("progressSecond", second);
        APPLICATION.route("tasks/progress.camel.yaml", """
                - route:
                    id: progress
                    description: Reports in a transaction, and fails once.
                    from:
                      uri: kamelet:task-source
                      parameters: {taskType: progress}
                      steps:
                        - choice:
                            when:
                              - simple: "${exchangeProperty.attempt} > 1"
                                steps:
                                  - process: {ref: progressSecond}
                            otherwise:
                              steps:
                                - to: direct:progress.part
                        - to: {uri: "kamelet:task-progress", parameters: {percent: "100"}}
                - route:
                    id: progress.part
                    description: Works in a transaction.
                    from:
                      uri: direct:progress.part
                      steps:
                        - transacted: {ref: workspace}
                        - to:
                            uri: kamelet:task-progress
                            parameters: {percent: "${body[done]}", text: "row ${body[done]} of 100"}
                        - process: {ref: progressFirst}
                        - throwException: {exceptionType: dev.postrider.Snooze, message: "0"}
                """);
        String task = APPLICATION.enqueue("progress", "{\"done\": 40}");
        await().until(() -> first.arrived() == 1);

        assertThat(progress(task)).isEqualTo("{\"text\":\"row 40 of 100\",\"percent\":40}");

        first.open();
        await().until(() -> second.arrived() == 1);
        assertThat(progress(task)).isEqualTo("null");
        second.open();
        APPLICATION.awaitTask(task, "completed");
    }

    @Test
    void only_the_attempt_that_runs_reports() {
        UUID task = new Ledger(APPLICATION.sql()).enqueue("progress-fenced");
        assertThat(report(task, 0)).as("it waits").isFalse();
        APPLICATION
                .sql()
                .update(
                        "update postrider.background_tasks set task_status = 'processing', ready = false, attempt_count = 2,"
                                + " worker_id = (select min(node_id) from postrider.worker_nodes) where task_id = ?",
                        task);
        assertThat(report(task, 1)).as("an attempt that was overtaken").isFalse();
        assertThat(report(task, 2)).isTrue();
        UUID other = APPLICATION.newWorkspace();
        boolean byAnother = APPLICATION.as(
                "tenant", other, sql -> sql.queryForObject("select report_progress(?, 2, 1)", Boolean.class, task));
        assertThat(byAnother).as("another workspace").isFalse();
        assertThat(progress(task.toString())).contains("50");
        APPLICATION.sql().update("delete from postrider.background_tasks where task_id = ?", task);
        APPLICATION.sql().update("delete from postrider.accepted_log where task_ids = array[?::uuid]", task);
    }

    @ParameterizedTest
    @CsvSource({
        "101, '', percent is 101: give 0 to 100",
        "-1, '', percent is -1: give 0 to 100",
        "'', '', percent is missing: give 0 to 100",
        "1, long, text has 501 characters: give at most 500"
    })
    void what_is_no_progress_is_refused_with_the_field_and_the_reason(String percent, String text, String reason) {
        assertThatThrownBy(() -> APPLICATION.as(
                        "tenant",
                        WORKSPACE,
                        sql -> sql.queryForObject(
                                "select report_progress(gen_random_uuid(), 1, nullif(?, '')::int, ?)",
                                Boolean.class,
                                percent,
                                text.equals("long") ? "x".repeat(501) : text)))
                .rootCause()
                .hasMessageContaining(reason);
    }

    private static boolean report(UUID task, int attempt) {
        return APPLICATION.as(
                "tenant",
                WORKSPACE,
                sql -> sql.queryForObject("select report_progress(?, ?, 50, 'half')", Boolean.class, task, attempt));
    }

    private static String progress(String task) {
        return APPLICATION
                .call("GET", "/v1/tasks/" + task, null)
                .json()
                .get("progress")
                .toString();
    }
}
