package dev.postrider.schedules;

import static dev.postrider.testkit.RunningApplication.WORKSPACE;
import static dev.postrider.testkit.RunningApplication.await;
import static org.assertj.core.api.Assertions.assertThat;

import dev.postrider.testkit.Answer;
import dev.postrider.testkit.RunningApplication;
import java.sql.Timestamp;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Two nodes on one database, one of them with a clock that is a year ahead: every tick makes one task. */
class ScheduleNodesTest {

    private static RunningApplication one;
    private static RunningApplication two;

    @BeforeAll
    static void start() {
        one = RunningApplication.start();
        two = RunningApplication.on(one.database());
        two.clock().ahead(Duration.ofDays(365));
    }

    @AfterAll
    static void stop() {
        two.close();
        one.close();
    }

    @Test
    void each_tick_makes_one_task_over_all_nodes_and_none_is_left_out() {
        one.handler("beat", "", "- log: {loggingLevel: DEBUG, message: \"${body[scheduledFor]}\"}");
        Answer made = one.call("POST", "/v1/schedules", "{\"taskType\": \"beat\", \"every\": 1000}");

        await().until(() -> beats().size() >= 6);
        one.call("PATCH", "/v1/schedules/" + made.text("/scheduleId"), "{\"enabled\": false}");

        List<Timestamp> beats = beats();
        Instant first = Instant.parse(made.text("/nextTickAt"));
        for (int i = 0; i < beats.size(); i++) {
            assertThat(beats.get(i).toInstant()).isEqualTo(first.plusSeconds(i));
        }
        await().untilAsserted(() -> assertThat(one.sql()
                        .queryForMap(
                                "select waiting, running, unaccounted from postrider.accounting where workspace_id = ?",
                                WORKSPACE))
                .containsEntry("waiting", 0L)
                .containsEntry("running", 0L)
                .containsEntry("unaccounted", 0L));
    }

    @Test
    void when_a_node_is_gone_the_other_one_ticks() throws Exception {
        one.camel().getRouteController().stopRoute("schedules");
        try {
            String key = one.newKey(one.newWorkspace());
            Answer made = one.send(key, "POST", "/v1/schedules", "{\"taskType\": \"lonely\", \"every\": 1000}");
            String at = "/v1/schedules/" + made.text("/scheduleId");

            await().until(() ->
                    !one.send(key, "GET", at, null).json().path("lastTaskId").isNull());

            assertThat(one.send(key, "DELETE", at, null).status()).isEqualTo(204);
        } finally {
            one.camel().getRouteController().startRoute("schedules");
        }
    }

    @Test
    void an_operators_schedule_reaches_workspaces_and_its_handler_sees_the_tick() {
        String key = one.newKey(one.newWorkspace());
        one.handler("global-beat", "", "- validate: {simple: \"${body[scheduledFor]} contains 'Z'\"}");
        Answer made = one.callAsOperator("POST", "/v1/schedules", "{\"taskType\": \"global-beat\", \"every\": 1000}");

        await().until(() -> one.send(key, "GET", "/v1/tasks?status=completed", null)
                        .json()
                        .path("items")
                        .size()
                > 0);

        assertThat(one.callAsOperator("DELETE", "/v1/schedules/" + made.text("/scheduleId"), null)
                        .status())
                .isEqualTo(204);
    }

    /** The ticks of all tasks, wherever they are by now. */
    private static List<Timestamp> beats() {
        return one.sql().queryForList("""
                select scheduled_at from postrider.background_tasks where task_type = 'beat'
                union all
                select scheduled_at from postrider.task_history where task_type = 'beat' order by 1""", Timestamp.class);
    }
}
