package dev.postrider.queue;

import static org.assertj.core.api.Assertions.assertThat;

import dev.postrider.testkit.Reading;
import dev.postrider.testkit.RunningApplication;
import java.util.List;
import java.util.function.Function;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.springframework.jdbc.core.JdbcTemplate;

/** What the queue's functions read of a full queue, in 400 workspaces; each test fills it in a transaction of its own. */
class QueuePlansTest {

    private static final RunningApplication APPLICATION = RunningApplication.shared();
    private static final int CLAIMED = 100;
    private static final String CLAIM =
            "select * from postrider.claim_tasks('plans', '{\"plans\": {\"free\": %d}}')".formatted(CLAIMED);

    /** What the planner knows of the queue: what is in it, or what was in it before it was emptied. */
    private enum Statistics {
        CURRENT(0),
        OF_ONE_WORKSPACE(1),
        OF_ONE_TASK_PER_WORKSPACE(2_000);

        private static final String ANALYZE = "analyze postrider.background_tasks";

        private final int workspaces;

        Statistics(int workspaces) {
            this.workspaces = workspaces;
        }

        private void beforeTheFirstTask(JdbcTemplate sql) {
            if (this != CURRENT) {
                add(sql, 2_000, workspaces, "0");
                sql.execute(ANALYZE);
            }
            sql.execute("truncate postrider.background_tasks");
            sql.execute(ANALYZE);
        }

        private void withTasks(JdbcTemplate sql) {
            if (this == CURRENT) {
                sql.execute(ANALYZE);
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    void a_claim_reads_as_much_of_200000_waiting_tasks_as_of_5000_whatever_the_statistics(Statistics statistics) {
        Reading few = claim(5_000, Statistics.CURRENT, "");

        Reading many = claim(200_000, statistics, "");

        assertThat(many.table("background_tasks").sequentialScans()).isZero();
        assertThat(many.buffers()).isLessThan(few.buffers() * 3 / 2);
        // And the bound is tight enough to notice when the index is gone.
        assertThat(claim(200_000, statistics, "drop index postrider.background_tasks_ready")
                        .buffers())
                .isGreaterThan(few.buffers() * 3 / 2);
    }

    /** A connection lives for half an hour, and nothing tells its plans that a table has grown. */
    @ParameterizedTest
    @EnumSource
    void plans_that_a_connection_made_while_the_queue_was_empty_serve_when_it_is_full(Statistics statistics) {
        Reading few = claim(5_000, Statistics.CURRENT, "");

        Reading many = full(1, statistics, sql -> {
            claimed(sql);
            sql.execute("reset role");
            add(sql, 200_000);
            sql.execute("set local role postrider_dispatcher");
            return Reading.of(sql, "force_generic_plan", CLAIM, List.of());
        });

        assertThat(many.buffers()).isLessThan(few.buffers() * 3 / 2);
    }

    @ParameterizedTest
    @EnumSource
    void plans_of_the_end_of_tasks_that_a_connection_made_while_the_queue_was_empty_serve_when_it_is_full(
            Statistics statistics) {
        String finish = "select * from postrider.finish_tasks('plans', $1, $2, $3)";
        Reading reading = full(1, statistics, sql -> {
            for (int planned = 0; planned < 10; planned++) { // the first five are planned for their values
                Reading.of(sql, "auto", finish, claimed(sql));
                sql.execute("reset role");
                add(sql, planned < 9 ? 1 : 50_000);
                sql.execute("set local role postrider_dispatcher");
            }
            return Reading.of(sql, "auto", finish, claimed(sql));
        });

        assertThat(reading.table("background_tasks").rows()).isLessThanOrEqualTo(4L * CLAIMED);
    }

    /** As while a transaction is kept open: the index keeps an entry of each task that was claimed meanwhile. */
    @ParameterizedTest
    @EnumSource
    void a_claim_of_what_came_since_does_not_read_the_tasks_that_were_claimed_before(Statistics statistics) {
        for (String limitKey : List.of("null", "'key'")) {
            Reading everything = claimAfter50_000(statistics, limitKey, CLAIM);
            Reading recent = claimAfter50_000(statistics, limitKey, CLAIM.replace("}}", ", \"since\": \"now\"}}"));

            assertThat(recent.buffers()).as(limitKey).isLessThan(everything.buffers() / 4);
        }
    }

    private static Reading claimAfter50_000(Statistics statistics, String limitKey, String claim) {
        return full(0, statistics, sql -> {
            sql.query("select * from postrider.claim_tasks('plans', '{\"nothing\": {\"free\": 1}}')", row -> {});
            sql.execute("reset role");
            add(sql, 50_000, 400, "1 hour");
            sql.execute("update postrider.background_tasks set limit_key = " + limitKey);
            sql.execute("delete from postrider.background_tasks");
            add(sql, 1_000);
            sql.execute("set local role postrider_dispatcher");
            return Reading.of(sql, "force_generic_plan", claim, List.of());
        });
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "postrider.finish_tasks('plans', $1, $2, $3)",
                "postrider.end_attempts('plans', $1, $2, $3, array_fill('retry'::text, array[100]),"
                        + " array_fill('late'::text, array[100]), array_fill(1000::bigint, array[100]))",
                "postrider.end_attempts('plans', $1, $2, $3, array_fill('dead'::text, array[100]),"
                        + " array_fill('late'::text, array[100]), array_fill(1000::bigint, array[100]))"
            })
    void ending_tasks_reads_each_by_its_key(String call) {
        for (Statistics statistics : Statistics.values()) {
            Reading reading = full(
                    50_000,
                    statistics,
                    sql -> Reading.of(sql, "force_generic_plan", "select * from " + call, claimed(sql)));

            assertThat(reading.table("background_tasks").sequentialScans())
                    .as("%s", statistics)
                    .isZero();
            assertThat(reading.table("background_tasks").rows())
                    .as("%s", statistics)
                    .isLessThanOrEqualTo(4L * CLAIMED);
        }
    }

    @Test
    void rescue_reads_no_task_while_all_nodes_live_and_the_table_once_for_a_dead_one() {
        Reading nobodyDied = rescue("now()");
        Reading oneDied = rescue("now() - interval '1 minute'");

        assertThat(nobodyDied.tables()).extracting(Reading.Table::name).doesNotContain("background_tasks");
        assertThat(oneDied.table("background_tasks").sequentialScans()).isEqualTo(1);
    }

    @Test
    void what_is_due_is_read_without_a_look_at_delayed_tasks_and_all_is_counted_in_one_pass() {
        for (Statistics statistics : Statistics.values()) {
            Reading due = state(false, statistics);
            assertThat(due.table("background_tasks").sequentialScans())
                    .as("%s", statistics)
                    .isZero();
            assertThat(due.table("background_tasks").rows())
                    .as("%s", statistics)
                    .isLessThanOrEqualTo(150);
        }
        assertThat(state(true, Statistics.CURRENT).table("background_tasks").sequentialScans())
                .isEqualTo(1);
    }

    private static Reading state(boolean counted, Statistics statistics) {
        return full(100, statistics, sql -> {
            sql.execute("reset role");
            sql.execute("""
                    insert into postrider.background_tasks (workspace_id, task_type, ready, scheduled_at)
                    select gen_random_uuid(), 'plans', false, now() + interval '1 day' from generate_series(1, 50000)""");
            statistics.withTasks(sql);
            sql.execute("set local role postrider_dispatcher");
            return Reading.of(
                    sql, "force_generic_plan", "select * from postrider.queue_state(" + counted + ")", List.of());
        });
    }

    private static Reading rescue(String heartbeat) {
        return full(50_000, Statistics.CURRENT, sql -> {
            claimed(sql);
            sql.execute("reset role");
            sql.execute(
                    "update postrider.worker_nodes set heartbeat_at = %s where node_id = 'plans'".formatted(heartbeat));
            sql.execute("set local role postrider_dispatcher");
            return Reading.of(sql, "force_generic_plan", "select * from postrider.rescue_tasks()", List.of());
        });
    }

    private static Reading claim(int waiting, Statistics statistics, String change) {
        return full(waiting, statistics, sql -> {
            sql.execute("reset role");
            sql.execute(change);
            sql.execute("set local role postrider_dispatcher");
            // The first call of a connection reads the function's source and the catalog.
            sql.query("select * from postrider.claim_tasks('plans', '{\"nothing\": {\"free\": 1}}')", row -> {});
            return Reading.of(sql, "force_generic_plan", CLAIM, List.of());
        });
    }

    /** Claims, and returns the workspaces, ids and attempts of what was claimed, as arrays. */
    private static List<String> claimed(JdbcTemplate sql) {
        return sql.queryForObject(
                "select array_agg(workspace_id), array_agg(task_id), array_agg(attempt_count) from (%s) c where task_id is not null"
                        .formatted(CLAIM),
                (row, n) -> List.of(row.getString(1), row.getString(2), row.getString(3)));
    }

    /** The dispatcher works on a queue that holds these many due tasks, and nothing of it stays. */
    private static <T> T full(int waiting, Statistics statistics, Function<JdbcTemplate, T> work) {
        return APPLICATION.rolledBack(sql -> {
            sql.execute("set local session_replication_role = replica");
            statistics.beforeTheFirstTask(sql);
            add(sql, waiting);
            statistics.withTasks(sql);
            sql.execute("insert into postrider.worker_nodes (node_id, host) values ('plans', 'test')");
            sql.execute("set local role postrider_dispatcher");
            return work.apply(sql);
        });
    }

    private static void add(JdbcTemplate sql, int waiting) {
        add(sql, waiting, 400, "0");
    }

    private static void add(JdbcTemplate sql, int waiting, int workspaces, String dueSince) {
        sql.update("""
                insert into postrider.background_tasks (workspace_id, task_type, ready, scheduled_at)
                select ('00000000-0000-7000-8000-' || lpad(to_hex(n % ?), 12, '0'))::uuid, 'plans', true, now() - ?::interval
                  from generate_series(1, ?) n""", workspaces, dueSince, waiting);
    }
}
