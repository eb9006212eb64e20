package dev.postrider.schedules;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.ObjectMapper;
import dev.postrider.database.SqlFile;
import dev.postrider.testkit.MigratedDatabase;
import java.sql.Timestamp;
import java.time.Instant;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.springframework.dao.DataAccessException;
import org.springframework.jdbc.core.JdbcTemplate;

/** Which ticks make which tasks; each pass of a node is made here by hand, with the statements and the code of the route. */
class TicksTest {

    private static final MigratedDatabase DATABASE = MigratedDatabase.create();
    private static final UUID GLOBAL = new UUID(0, 0);
    private static final String DUE = SqlFile.read("queries/due-schedules.sql").replace(":#${bean:ticks.failed}", "?");
    private static final String TICK = SqlFile.read("queries/tick-schedule.sql").replace(":#${body}", "?");

    private final Ticks ticks = new Ticks(new ObjectMapper());
    private final UUID workspace = DATABASE.newWorkspace();

    @AfterEach
    void noScheduleIsLeft() {
        DATABASE.sql().execute("truncate postrider.schedules");
        DATABASE.sql().execute("truncate postrider.background_tasks");
    }

    @Test
    void a_tick_makes_a_task_with_the_payload_and_the_time_of_the_tick() {
        UUID schedule = schedule(workspace, "every, next_tick_at", "3600000, date_trunc('second', now())");

        assertThat(pass()).isEqualTo(1);

        Map<String, Object> row = row(schedule);
        Map<String, Object> task = DATABASE.sql().queryForMap("select * from postrider.background_tasks");
        assertThat(task)
                .containsEntry("workspace_id", workspace)
                .containsEntry("task_type", "nightly")
                .containsEntry("ready", true)
                .containsEntry("task_id", row.get("last_task_id"))
                .containsEntry("scheduled_at", row.get("last_tick_at"));
        Instant tick = ((Timestamp) task.get("scheduled_at")).toInstant();
        assertThat(task.get("payload").toString())
                .contains("\"days\": 3")
                .contains("\"scheduledFor\": \"" + tick.toString().replace("Z", ".000Z") + "\"");
        assertThat(row.get("next_tick_at")).isEqualTo(Timestamp.from(tick.plusSeconds(3600)));
        assertThat(DATABASE.sql()
                        .queryForList(
                                "select task_ids[1] from postrider.accepted_log where workspace_id = ?",
                                UUID.class,
                                workspace))
                .containsExactly((UUID) row.get("last_task_id"));
        assertThat(pass()).as("nothing more is due").isZero();
    }

    @Test
    void of_two_nodes_that_saw_the_same_tick_one_hands_it_out() {
        schedule(workspace, "every, next_tick_at", "3600000, now()");
        List<String> one = plans();
        List<String> two = plans();

        assertThat(tick(one.get(0))).isTrue();
        assertThat(tick(two.get(0))).isFalse();
        assertThat(tasks()).isEqualTo(1);
    }

    @Test
    void a_node_that_dies_before_the_commit_leaves_the_tick_to_the_others() {
        UUID schedule = schedule(workspace, "every, next_tick_at", "3600000, now()");
        Map<String, Object> before = row(schedule);
        String plan = plans().get(0);

        assertThatThrownBy(() -> DATABASE.as("dispatcher", null, sql -> {
                    assertThat(sql.queryForObject(TICK, Boolean.class, plan)).isTrue();
                    assertThat(tick(plan)).as("while the first is at it").isFalse();
                    sql.execute("select pg_terminate_backend(pg_backend_pid())");
                    return null;
                }))
                .isInstanceOf(DataAccessException.class);

        assertThat(row(schedule)).isEqualTo(before);
        assertThat(tasks()).isZero();
        assertThat(pass()).isEqualTo(1);
        assertThat(tasks()).isEqualTo(1);
    }

    @Test
    void what_was_planned_before_a_schedule_was_changed_makes_no_task() {
        schedule(workspace, "every, next_tick_at", "3600000, now()");
        String plan = plans().get(0);

        DATABASE.as(
                "tenant",
                workspace,
                sql -> sql.update("update postrider.schedules set next_tick_at = now() + interval '1 day'"));

        assertThat(tick(plan)).isFalse();
        assertThat(tasks()).isZero();
    }

    /** Every three minutes; the nodes come back after eleven: four ticks, the last of them two minutes ago. */
    @ParameterizedTest
    @CsvSource({"skip, 0", "once, 1", "all, 4"})
    void missed_ticks_make_no_task_one_or_each(String missed, int tasks) {
        UUID schedule = schedule(
                workspace,
                "every, missed, next_tick_at",
                "180000, '%s', now() - interval '11 minutes'".formatted(missed));

        passes();

        assertThat(tasks()).isEqualTo(tasks);
        if (missed.equals("once")) {
            assertThat(seconds("select extract(epoch from now() - scheduled_at) from postrider.background_tasks"))
                    .as("the latest")
                    .isBetween(120.0, 179.0);
        }
        assertThat(seconds(
                        "select extract(epoch from next_tick_at - now()) from postrider.schedules where schedule_id = '%s'"
                                .formatted(schedule)))
                .as("the beat is kept")
                .isBetween(1.0, 60.0);
    }

    /** Ticks 65 s, 45 s, 25 s and 5 s ago: the first is missed. */
    @ParameterizedTest
    @CsvSource({"skip, 3", "once, 1", "all, 4"})
    void with_some_missed_and_some_late_ticks_skip_keeps_the_late_ones_and_once_takes_them_together(
            String missed, int tasks) {
        schedule(
                workspace,
                "every, missed, next_tick_at",
                "20000, '%s', now() - interval '65 seconds'".formatted(missed));

        passes();

        assertThat(tasks()).isEqualTo(tasks);
    }

    @ParameterizedTest
    @CsvSource({"skip", "once", "all"})
    void ticks_that_are_late_by_less_than_a_minute_are_not_missed(String missed) {
        schedule(
                workspace,
                "every, missed, next_tick_at",
                "20000, '%s', now() - interval '50 seconds'".formatted(missed));

        passes();

        assertThat(tasks()).isEqualTo(3);
    }

    @Test
    void thousands_of_missed_ticks_come_in_steps_and_none_is_lost() {
        schedule(workspace, "every, missed, next_tick_at", "1000, 'all', now() - interval '2500 seconds'");

        assertThat(pass()).isEqualTo(1);
        assertThat(tasks()).isEqualTo(1000);
        assertThat(pass()).isEqualTo(1);
        assertThat(tasks()).isEqualTo(2000);
        passes();

        assertThat(DATABASE.sql().queryForObject("""
                        select count(distinct scheduled_at) = count(*) and count(*) >= 2500
                           and extract(epoch from max(scheduled_at) - min(scheduled_at)) = count(*) - 1
                          from postrider.background_tasks""", Boolean.class)).isTrue();
    }

    @Test
    void a_global_tick_makes_one_task_in_each_active_workspace() {
        UUID suspended = DATABASE.newWorkspace();
        status(suspended, "suspended");
        UUID schedule = schedule(GLOBAL, "every, next_tick_at", "3600000, now()");

        passes();

        assertThat(DATABASE.sql().queryForList("select workspace_id from postrider.background_tasks", UUID.class))
                .doesNotHaveDuplicates()
                .doesNotContain(suspended)
                .containsExactlyInAnyOrderElementsOf(active());
        assertThat(row(schedule)).containsEntry("ticked_to", null).containsEntry("last_task_id", null);
        assertThat(row(schedule).get("last_tick_at")).isNotNull();
    }

    @ParameterizedTest
    @CsvSource({"skip", "once", "all"})
    void a_global_tick_that_is_interrupted_goes_on_where_it_was_and_is_the_same_tick(String missed) {
        DATABASE.sql().execute("""
                insert into postrider.workspaces (name)
                select 'many' from generate_series(1, 2001 - (select count(*) from postrider.workspaces
                                                               where workspace_status = 'active'))""");
        UUID schedule = schedule(GLOBAL, "every, missed, next_tick_at", "3600000, '%s', now()".formatted(missed));

        assertThat(pass()).isEqualTo(1);
        assertThat(tasks()).isEqualTo(1000);
        String second = plans().get(0);
        String secondToo = plans().get(0);
        assertThatThrownBy(() -> DATABASE.as("dispatcher", null, sql -> {
                    assertThat(sql.queryForObject(TICK, Boolean.class, second)).isTrue();
                    throw new IllegalStateException("the node dies");
                }))
                .hasMessage("the node dies");
        assertThat(tasks()).isEqualTo(1000);
        assertThat(tick(second)).isTrue();
        assertThat(tick(secondToo)).as("a step that was done already").isFalse();
        assertThat(tasks()).isEqualTo(2000);
        // So long after the tick that it would count as missed, if it had not begun.
        DATABASE.sql().update("update postrider.schedules set next_tick_at = next_tick_at - interval '3 hours'");
        assertThat(pass()).isEqualTo(1);

        assertThat(DATABASE.sql().queryForList("select workspace_id from postrider.background_tasks", UUID.class))
                .containsExactlyInAnyOrderElementsOf(active());
        assertThat(row(schedule)).containsEntry("ticked_to", null);
    }

    @Test
    void a_suspended_workspace_gets_no_tasks_and_goes_on_with_the_next_tick() {
        UUID schedule =
                schedule(workspace, "every, missed, next_tick_at", "180000, 'all', now() - interval '11 minutes'");
        status(workspace, "suspended");

        passes();
        assertThat(tasks()).isZero();
        assertThat(row(schedule)).containsEntry("last_tick_at", null);
        status(workspace, "active");
        passes();
        assertThat(tasks()).isZero();
        DATABASE.sql().update("update postrider.schedules set next_tick_at = now()");
        passes();
        assertThat(tasks()).isEqualTo(1);
    }

    @Test
    void a_deleted_workspaces_schedule_ticks_no_more() {
        UUID schedule = schedule(workspace, "every, next_tick_at", "3600000, now()");
        status(workspace, "deleted");

        passes();

        assertThat(tasks()).isZero();
        assertThat(row(schedule)).containsEntry("next_tick_at", null);
    }

    @Test
    void a_schedule_that_a_node_cannot_read_stops_no_other() {
        schedule(workspace, "cron, time_zone, next_tick_at", "'* * * * *', 'Moon/Crater', now() - interval '1 s'");
        schedule(workspace, "every, next_tick_at", "3600000, now()");

        List<Map<String, Object>> due = due();
        assertThatThrownBy(() -> ticks.plan(due.get(0))).hasMessageContaining("Moon");
        assertThat(tick(ticks.plan(due.get(1)))).isTrue();
        assertThat(tasks()).isEqualTo(1);
    }

    @Test
    void many_schedules_that_a_node_cannot_read_keep_no_other_waiting_and_are_tried_in_turns() {
        DATABASE.as("tenant", workspace, sql -> sql.update("""
                insert into postrider.schedules (workspace_id, task_type, cron, time_zone, next_tick_at)
                select postrider.active_workspace(), 'nightly', '* * * * *', 'Moon/Crater', now() - interval '1 hour'
                  from generate_series(1, 150)"""));
        UUID good = schedule(workspace, "every, next_tick_at", "3600000, now()");
        Set<Object> tried = new HashSet<>();

        for (int pass = 0; pass < 2; pass++) {
            for (Map<String, Object> schedule : due()) {
                tried.add(schedule.get("schedule_id"));
                if (schedule.get("schedule_id").equals(good)) {
                    ticks.done(tick(ticks.plan(schedule)));
                } else {
                    assertThatThrownBy(() -> ticks.plan(schedule)).hasMessageContaining("Moon");
                }
            }
        }

        assertThat(tasks()).isEqualTo(1);
        assertThat(tried).hasSize(151);
        assertThat(ticks.failed().split(",")).as("is tried again").hasSize(150);
    }

    @Test
    void a_node_asks_again_when_the_next_tick_is_due_and_at_once_after_it_handed_one_out() {
        assertThat(ticks.due()).isTrue();
        assertThat(ticks.due()).as("asked, and not answered yet").isFalse();
        ticks.received(List.of(Map.of("wait", 0L)));
        assertThat(ticks.due()).isTrue();
        ticks.received(List.of(Map.of("wait", 3_600_000L)));
        assertThat(ticks.due()).isFalse();
        ticks.done(false);
        assertThat(ticks.due()).isFalse();
        ticks.done(true);
        assertThat(ticks.due()).isTrue();
    }

    @Test
    void the_answer_says_how_long_to_wait() {
        schedule(workspace, "every, next_tick_at", "3600000, now() + interval '100 s'");

        List<Map<String, Object>> rows = DATABASE.as("dispatcher", null, sql -> sql.queryForList(DUE, "{}"));

        assertThat(rows).hasSize(1);
        assertThat(rows.get(0)).containsEntry("schedule_id", null);
        assertThat((Long) rows.get(0).get("wait")).isBetween(90_000L, 100_000L);
    }

    private static UUID schedule(UUID workspace, String columns, String values) {
        return DATABASE.as("tenant", workspace, sql -> sql.queryForObject("""
                        insert into postrider.schedules (workspace_id, task_type, payload, %s)
                        values (postrider.active_workspace(), 'nightly', '{"days": 3}', %s) returning schedule_id""".formatted(columns, values), UUID.class));
    }

    private List<Map<String, Object>> due() {
        return ticks.received(DATABASE.as("dispatcher", null, sql -> sql.queryForList(DUE, ticks.failed())));
    }

    private List<String> plans() {
        return due().stream().map(ticks::plan).toList();
    }

    private static boolean tick(String plan) {
        return DATABASE.as("dispatcher", null, sql -> sql.queryForObject(TICK, Boolean.class, plan));
    }

    /** @return how many schedules had something to hand out */
    private int pass() {
        return (int) plans().stream().filter(TicksTest::tick).count();
    }

    private void passes() {
        while (pass() > 0) {}
    }

    private static int tasks() {
        return DATABASE.sql().queryForObject("select count(*) from postrider.background_tasks", Integer.class);
    }

    private static double seconds(String query) {
        return DATABASE.sql().queryForObject(query, Double.class);
    }

    private static Map<String, Object> row(UUID schedule) {
        return DATABASE.sql().queryForMap("select * from postrider.schedules where schedule_id = ?", schedule);
    }

    private static List<UUID> active() {
        return DATABASE.sql()
                .queryForList(
                        "select workspace_id from postrider.workspaces where workspace_status = 'active'", UUID.class);
    }

    private static void status(UUID workspace, String status) {
        JdbcTemplate sql = DATABASE.sql();
        sql.queryForList("select postrider.change_workspace(?, ?, 'test')", workspace, status);
    }
}
