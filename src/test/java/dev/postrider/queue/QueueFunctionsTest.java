package dev.postrider.queue;

import static dev.postrider.testkit.RunningApplication.WORKSPACE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.postrider.testkit.RunningApplication;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.Statement;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.UUID;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What the SQL functions of the queue promise to nodes that call them at awkward moments. */
class QueueFunctionsTest {

    private static final RunningApplication APPLICATION = RunningApplication.shared();
    private static final String NODE = "node-of-the-test";

    @BeforeAll
    static void aNodeThatNeverFallsSilent() {
        APPLICATION
                .sql()
                .update(
                        "insert into postrider.worker_nodes (node_id, host, heartbeat_at) values (?, 'test', now() + interval '1 hour')",
                        NODE);
    }

    @Test
    void a_task_that_somebody_keeps_locked_is_not_waited_for_and_finished_later() throws Exception {
        UUID locked = claimedTask("functions-cancelled");
        UUID free = claimedTask("functions-free");
        try (Connection other = superuser();
                Statement statement = other.createStatement()) {
            other.setAutoCommit(false);
            statement.execute("select set_config('app.active_workspace', '%s', true)".formatted(WORKSPACE));
            statement.execute("select postrider.cancel_task('%s')".formatted(locked));

            assertThat(finish(locked, free)).isEqualTo("1 {%s}".formatted(locked));
            assertThat(end(locked, "retry")).isEqualTo("0 {%s}".formatted(locked));
            other.commit();
        }
        assertThat(finish(locked, free)).isEqualTo("1 {}");
        assertThat(APPLICATION.awaitTask(locked.toString(), "completed").status())
                .isEqualTo(200);
        assertThat(finish(locked, free)).isEqualTo("0 {}");
    }

    @Test
    void a_running_task_that_was_asked_to_stop_is_cancelled_and_neither_waits_again_nor_dies() {
        for (String outcome : List.of("retry", "snooze", "dead")) {
            UUID task = claimedTask("functions-stop-" + outcome);
            assertThat(APPLICATION.call("DELETE", "/v1/tasks/" + task, null).status())
                    .isEqualTo(202);

            assertThat(end(task, outcome)).isEqualTo("1 {}");

            assertThat(APPLICATION.call("GET", "/v1/tasks/" + task, null).text("/status"))
                    .isEqualTo("cancelled");
        }
    }

    @Test
    void of_two_attempts_of_one_task_in_one_call_the_one_that_is_held_ends() {
        UUID task = claimedTask("functions-twice");

        assertThat(APPLICATION
                        .sql()
                        .queryForObject(
                                "select written from postrider.end_attempts(?, array[?, ?], array[?, ?], '{2,1}', '{dead,retry}', '{never,late}', '{0,60000}')",
                                Integer.class,
                                NODE,
                                WORKSPACE,
                                WORKSPACE,
                                task,
                                task))
                .isOne();

        assertThat(APPLICATION
                        .sql()
                        .queryForMap(
                                "select task_status, failure_count, last_error, jsonb_array_length(attempts) as attempts from postrider.background_tasks where task_id = ?",
                                task))
                .containsEntry("task_status", "queued")
                .containsEntry("failure_count", 1)
                .containsEntry("last_error", "late")
                .containsEntry("attempts", 1);
        assertThat(APPLICATION.sql().queryForList("select from postrider.dead_letters where task_id = ?", task))
                .isEmpty();
    }

    @ParameterizedTest
    @ValueSource(strings = {"infinity", "-infinity"})
    void a_task_cannot_be_due_at_no_time(String time) {
        for (String call : List.of(
                "select enqueue_task('functions-infinite', scheduled_at => '%s')",
                "select enqueue_tasks('[{\"taskType\": \"functions-infinite\", \"scheduledAt\": \"%s\"}]')")) {
            assertThatThrownBy(() -> APPLICATION.as("tenant", WORKSPACE, sql -> sql.queryForList(call.formatted(time))))
                    .rootCause()
                    .hasMessageContaining("background_tasks_scheduled_at_check");
        }
    }

    @Test
    void claims_of_one_task_each_go_round_all_workspaces_with_work() {
        Set<UUID> waiting = new HashSet<>();
        for (int i = 0; i < 40; i++) {
            UUID workspace = APPLICATION.newWorkspace();
            waiting.add(workspace);
            APPLICATION.as(
                    "tenant",
                    workspace,
                    sql -> sql.queryForObject(
                            "select count(enqueue_task('functions-round')) from generate_series(1, 3)", Integer.class));
        }

        List<UUID> served = new ArrayList<>();
        for (int i = 0; i < 40; i++) {
            String after = served.isEmpty() ? "" : ", \"after\": \"%s\"".formatted(served.get(served.size() - 1));
            served.addAll(claimed("{\"functions-round\": {\"free\": 1%s}}".formatted(after)));
        }

        assertThat(served).containsExactlyInAnyOrderElementsOf(waiting);
    }

    @Test
    void a_claim_walks_on_while_half_of_the_slots_are_free() {
        for (int i = 0; i < 80; i++) {
            APPLICATION.as(
                    "tenant",
                    APPLICATION.newWorkspace(),
                    sql -> sql.queryForObject("select enqueue_task('functions-walk')", UUID.class));
        }

        assertThat(claimed("{\"functions-walk\": {\"free\": 100}}"))
                .as("two walks past 32 workspaces")
                .hasSize(64);
        assertThat(claimed("{\"functions-walk\": {\"free\": 100}}")).hasSize(16);
    }

    @Test
    void of_a_few_tasks_too_those_of_a_workspace_with_enough_here_are_left() {
        UUID full = APPLICATION.newWorkspace();
        UUID other = APPLICATION.newWorkspace();
        for (UUID workspace : List.of(full, other)) {
            APPLICATION.as(
                    "tenant", workspace, sql -> sql.queryForObject("select enqueue_task('functions-few')", UUID.class));
        }

        assertThat(claimed("{\"functions-few\": {\"free\": 9, \"full\": [\"%s\"]}}".formatted(full)))
                .containsExactly(other);
        assertThat(claimed("{\"functions-few\": {\"free\": 9}}")).containsExactly(full);
    }

    @ParameterizedTest
    @CsvSource({"1,", "20,", "1, key", "20, key"})
    void since_leaves_what_was_due_before_to_a_claim_of_everything(int each, String orderingKey) {
        String type = "functions-since-%d-%s".formatted(each, orderingKey == null ? "free" : "keyed");
        String enqueue = "select count(enqueue_task(?, scheduled_at => now() - ?::interval, ordering_key => ? || n))"
                + " from generate_series(1, ?) n";
        for (String ago : List.of("1 hour", "0")) {
            APPLICATION.as(
                    "tenant",
                    WORKSPACE,
                    sql -> sql.queryForObject(
                            enqueue, Integer.class, type, ago, orderingKey == null ? null : type + ago, each));
        }

        assertThat(claimed("{\"%s\": {\"free\": 50, \"since\": \"%s\"}}"
                        .formatted(type, Instant.now().minusSeconds(60))))
                .hasSize(each);
        assertThat(claimed("{\"%s\": {\"free\": 50}}".formatted(type))).hasSize(each);
    }

    @Test
    void a_workspace_whose_tasks_wait_behind_an_ordering_head_does_not_keep_the_others_waiting() {
        UUID other = APPLICATION.newWorkspace();
        APPLICATION.as("tenant", WORKSPACE, sql -> {
            sql.queryForObject(
                    "select enqueue_task('functions-head', scheduled_at => '2040-01-01', ordering_key => 'k')",
                    UUID.class);
            return sql.queryForObject("select enqueue_task('functions-head', ordering_key => 'k')", UUID.class);
        });
        APPLICATION.as("tenant", other, sql -> sql.queryForObject("select enqueue_task('functions-head')", UUID.class));

        assertThat(claimed("{\"functions-head\": {\"free\": 1}}")).containsExactly(other);
    }

    /** The workspaces of the tasks of one claim. */
    private static List<UUID> claimed(String slots) {
        return APPLICATION
                .sql()
                .queryForList(
                        "select workspace_id from postrider.claim_tasks(?, ?::jsonb) where task_id is not null",
                        UUID.class,
                        NODE,
                        slots);
    }

    private static UUID claimedTask(String taskType) {
        APPLICATION.enqueue(taskType, "{}");
        return APPLICATION
                .sql()
                .queryForObject(
                        "select task_id from postrider.claim_tasks(?, jsonb_build_object(?, jsonb_build_object('free', 1))) where task_id is not null",
                        UUID.class,
                        NODE,
                        taskType);
    }

    /** How many were written, and which are to be offered again. */
    private static String finish(UUID... tasks) {
        return APPLICATION
                .sql()
                .queryForObject(
                        "select written || ' ' || coalesce(later, '{}')::text from postrider.finish_tasks(?, array_fill(?::uuid, array[?]), ?::uuid[], array_fill(1, array[?]))",
                        String.class,
                        NODE,
                        WORKSPACE,
                        tasks.length,
                        "{%s}"
                                .formatted(String.join(
                                        ",",
                                        Stream.of(tasks).map(UUID::toString).toList())),
                        tasks.length);
    }

    private static String end(UUID task, String outcome) {
        return APPLICATION
                .sql()
                .queryForObject(
                        "select written || ' ' || coalesce(later, '{}')::text from postrider.end_attempts(?, array[?::uuid], array[?::uuid], '{1}', array[?], '{late}', '{0}')",
                        String.class, NODE, WORKSPACE, task, outcome);
    }

    private static Connection superuser() throws Exception {
        return DriverManager.getConnection(
                APPLICATION.database().directUrl(),
                APPLICATION.database().username(),
                APPLICATION.database().password());
    }
}
