package dev.postrider.retention;

import static dev.postrider.testkit.RunningApplication.await;
import static org.assertj.core.api.Assertions.assertThat;

import dev.postrider.testkit.MigratedDatabase;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.springframework.jdbc.core.JdbcTemplate;

/** What the routine that makes and drops partitions does, and what is left of it when it is cut off. */
class PartitionRoutineTest {

    private static final Duration LOCK_TIMEOUT = Duration.ofMillis(200);

    private final MigratedDatabase database = MigratedDatabase.create();
    private final JdbcTemplate sql = database.sql();
    private final PartitionRoutine routine = new PartitionRoutine(database.owner(), LOCK_TIMEOUT);
    private final UUID held = database.newWorkspace();
    private final UUID other = database.newWorkspace();

    /** Twenty months back, with a row of each workspace in each month; 400 days are kept. */
    @BeforeEach
    void grow() throws SQLException {
        asOwner("""
                select postrider.make_partition('postrider.system_events', postrider.period_after('month', now(), -n),
                                                postrider.period_after('month', now(), 1 - n))
                  from generate_series(1, 20) n""");
        asOwner("update postrider.retention_settings set made_from = postrider.period_after('month', now(), -20)"
                + " where table_name = 'system_events'");
        for (UUID workspace : List.of(held, other)) {
            sql.update("""
                    insert into postrider.system_events (workspace_id, occurred_at, event_type, payload)
                    select ?, postrider.period_after('month', now(), -n) + interval '1 day', 'test', jsonb_build_object('n', n)
                      from generate_series(0, 20) n""", workspace);
        }
        sql.query("select postrider.hold_workspace(?, 'a lawsuit')", row -> {}, held);
    }

    @Test
    void partitions_are_dropped_when_all_in_them_is_older_than_their_table_keeps() {
        Map<String, Object> before = sql.queryForMap(
                "select count(*) as partitions, min(starts) as first from postrider.partitions where table_name = 'system_events'");
        assertThat(before.get("partitions")).isEqualTo(24L);

        routine.run();

        assertDroppedWhatIsOld();
        assertThat(sql.queryForList(
                        "select event_type, actor, payload ->> 'table' as table_name, payload ->> 'rowsHeld' as held from postrider.system_events"
                                + " where event_type = 'retention.dropped'"))
                .hasSize(dropped())
                .allSatisfy(event -> assertThat(event)
                        .containsEntry("actor", "engine")
                        .containsEntry("table_name", "system_events")
                        .containsEntry("held", "1"));
        assertThat(sql.queryForObject(
                        "select bool_and(checked_at > now() - interval '1 minute') from postrider.retention_settings",
                        Boolean.class))
                .isTrue();
        assertThat(sql.queryForList("select * from postrider.isolation_breaches"))
                .isEmpty();
    }

    @Test
    void two_nodes_at_once_drop_each_partition_once() {
        CompletableFuture.allOf(
                        CompletableFuture.runAsync(routine::run),
                        CompletableFuture.runAsync(new PartitionRoutine(database.owner(), LOCK_TIMEOUT)::run))
                .join();
        routine.run();

        assertDroppedWhatIsOld();
        assertThat(count("postrider.system_events where event_type = 'retention.dropped'"))
                .isEqualTo(dropped());
    }

    /** Each statement is held up in its middle by a lock, and its connection killed there. */
    @Test
    void whatever_statement_it_is_killed_in_the_next_run_goes_on() throws Exception {
        sql.update("update postrider.retention_settings set ahead = 4 where table_name = 'system_events'");
        Set<String> kinds = new LinkedHashSet<>();
        for (Optional<String> next = next(); next.isPresent(); next = next()) {
            String statement = next.get();
            kinds.add(statement.replaceAll("_\\d{4}_\\d{2}", "").replaceAll("'.*?'", "''"));
            killIn(statement);
            assertThat(publishes()).as("after a kill in " + statement).isTrue();
            assertThat(
                            count(
                                    "postrider.system_events where event_type = 'test' and occurred_at > now() - interval '390 days'"))
                    .as("after a kill in " + statement)
                    .isGreaterThanOrEqualTo(24);
            next().filter(statement::equals).ifPresent(this::asOwnerQuietly); // or it goes on with another
        }
        assertThat(kinds)
                .containsExactlyInAnyOrder(
                        "select postrider.make_partitions('')",
                        "select postrider.begin_drop('')",
                        "alter table postrider.system_events detach partition postrider.system_events concurrently",
                        "alter table postrider.system_events detach partition postrider.system_events finalize",
                        "select postrider.end_drop('')");
        assertDroppedWhatIsOld();
        assertThat(sql.queryForList("select * from postrider.isolation_breaches"))
                .isEmpty();
    }

    @Test
    void what_cannot_be_locked_is_passed_over_and_dropped_by_the_next_run() throws SQLException {
        String oldest = sql.queryForObject(
                "select partition_name from postrider.partitions where table_name = 'system_events' order by starts limit 1",
                String.class);
        try (Connection reader = database.connection()) {
            reader.setAutoCommit(false);
            reader.createStatement().execute("select from postrider." + oldest);
            routine.run();
            assertThat(exists(oldest)).isTrue();
            assertThat(publishes()).isTrue();
            assertThat(sql.queryForObject("select count(checked_at) from postrider.retention_settings", Integer.class))
                    .as("it says that something is left to do")
                    .isZero();
        }
        routine.run();
        assertDroppedWhatIsOld();
    }

    @Test
    void what_was_dropped_by_hand_meanwhile_is_no_obstacle() throws SQLException {
        String oldest = sql.queryForObject(
                "select partition_name from postrider.partitions where table_name = 'system_events' order by starts limit 1",
                String.class);
        asOwner("select postrider.begin_drop('%s')".formatted(oldest));
        sql.execute("drop table postrider." + oldest);
        routine.run();
        assertDroppedWhatIsOld();
    }

    private void assertDroppedWhatIsOld() {
        assertThat(sql.queryForObject(
                        "select max(until) <= now() - interval '400 days' from postrider.partition_drops",
                        Boolean.class))
                .isTrue();
        assertThat(sql.queryForObject(
                        "select min(until) > now() - interval '400 days' from postrider.partitions where table_name = 'system_events'",
                        Boolean.class))
                .isTrue();
        assertThat(dropped()).isBetween(6, 8);
        assertThat(count("postrider.partition_drops where dropped_at is null")).isZero();
        assertThat(sql.queryForList("select partition_name from postrider.partition_drops", String.class))
                .noneMatch(this::exists);
        assertThat(
                        sql.queryForList(
                                "select workspace_id, count(*) from postrider.system_events where event_type = 'test' group by 1"))
                .hasSize(2)
                .allSatisfy(row -> assertThat(row).containsEntry("count", 21L - dropped()));
        assertThat(sql.queryForList(
                        "select held_row ->> 'payload' from postrider.held_rows where workspace_id = ?",
                        String.class,
                        held))
                .as("each once")
                .hasSize(dropped())
                .doesNotHaveDuplicates();
        assertThat(count("postrider.held_rows where workspace_id <> '%s'".formatted(held)))
                .isZero();
        assertThat(sql.queryForObject(
                        "select made_from = (select min(starts) from postrider.partitions where table_name = 'system_events')"
                                + " from postrider.retention_settings where table_name = 'system_events'",
                        Boolean.class))
                .isTrue();
    }

    private int dropped() {
        return count("postrider.partition_drops");
    }

    private int count(String from) {
        return sql.queryForObject("select count(*) from " + from, Integer.class);
    }

    private boolean exists(String table) {
        return Boolean.TRUE.equals(
                sql.queryForObject("select to_regclass(?) is not null", Boolean.class, "postrider." + table));
    }

    private boolean publishes() {
        return database.as(
                "tenant",
                other,
                tenant -> tenant.queryForObject(
                        "select postrider.publish_event('order.changed', '{}') is not null", Boolean.class));
    }

    private Optional<String> next() {
        return sql.queryForList("select statement from postrider.next_retention_step('{}')", String.class).stream()
                .findFirst();
    }

    private void killIn(String statement) throws Exception {
        try (Connection holder = database.connection()) {
            holder.setAutoCommit(false);
            List<String> locks = new ArrayList<>();
            if (statement.contains("make_partitions")) {
                locks.add("lock table postrider.system_events in share update exclusive mode");
            } else if (statement.contains("begin_drop")) {
                locks.add("lock table postrider.partition_drops in share mode");
            } else if (statement.contains("end_drop")) {
                locks.add("select from postrider." + statement.replaceAll(".*'(.*)'.*", "$1"));
            } else {
                locks.add(
                        "set transaction isolation level repeatable read"); // an old snapshot, and a lock on the parent
                locks.add("select from postrider.system_events");
            }
            for (String lock : locks) {
                holder.createStatement().execute(lock);
            }
            CompletableFuture<Void> cut = CompletableFuture.runAsync(() -> asOwnerQuietly(statement));
            await().until(() -> sql.queryForObject(
                            "select count(*) from pg_stat_activity where application_name = 'postrider retention' and wait_event_type = 'Lock'",
                            Integer.class)
                    == 1);
            sql.query(
                    "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'postrider retention'",
                    row -> {});
            cut.join();
            holder.rollback();
        }
    }

    private void asOwnerQuietly(String statement) {
        try {
            asOwner(statement);
        } catch (SQLException e) {
            assertThat(e.getMessage()).contains("terminating connection");
        }
    }

    private void asOwner(String statement) throws SQLException {
        try (Connection connection = database.owner().open();
                Statement owner = connection.createStatement()) {
            owner.execute(statement);
        }
    }
}
