package dev.postrider.bench;

import dev.postrider.testkit.RunningApplication;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * How long does a minute's work on the books take beside a long history, and how soon is a task named that somebody has
 * deleted from it? In 1,000 workspaces, over 60 days; the history is counted by the very steps that are measured.
 */
public final class BooksBenchmark {

    private static final int TASKS = Benchmark.setting("tasks", 10_000_000);
    private static final int NEW = 100_000;
    private static final int DAYS = 60;
    private static final int CHUNK = 500_000;
    private static final int ROUNDS = Benchmark.setting("rounds", 3);
    private static final List<String> STEPS = List.of(
            "select postrider.keep_books()",
            "select * from postrider.reconcile_books(true)",
            "select * from postrider.read_books()");

    private final Connection connection;

    private BooksBenchmark(Connection connection) {
        this.connection = connection;
    }

    /** @param pages of shared buffers, found there or read */
    private record Minute(double milliseconds, long pages) {}

    public static void main(String[] arguments) {
        Benchmark.main(() -> {
            RunningApplication application = Benchmark.application(Map.of());
            application.camel().getRouteController().stopRoute("reconcile");
            try (Connection connection = DriverManager.getConnection(
                    application.database().directUrl(),
                    application.database().username(),
                    application.database().password())) {
                new BooksBenchmark(connection).run();
            }
        });
    }

    private void run() throws SQLException {
        Benchmark.print("%n## Books: %,d tasks that have ended, %,d new ones%n", TASKS, NEW);
        fill();
        long begun = System.nanoTime();
        count();
        Benchmark.print("Counted for the first time in %.1f s%n", (System.nanoTime() - begun) / 1e9);
        double[] idle = new double[ROUNDS];
        double[] busy = new double[ROUNDS];
        Table table = new Table("a minute's step", "milliseconds", "pages");
        for (int round = 0; round < ROUNDS; round++) {
            count();
            Minute nothing = minute();
            add("clock_timestamp()", NEW);
            text("select pg_sleep(1.1)"); // a step counts what is older than a second
            minute();
            add("clock_timestamp()", NEW);
            Minute much = minute(); // counts the first, reads the second
            idle[round] = nothing.milliseconds();
            busy[round] = much.milliseconds();
            table.row("with no new tasks", nothing.milliseconds(), nothing.pages())
                    .row("with %,d new ones".formatted(NEW), much.milliseconds(), much.pages());
        }
        table.print();
        double named = lossIsNamed();
        Benchmark.print("A task of the first day that was deleted is named after %.1f s%n", named);
        Benchmark.atMost("a minute's step with no new tasks, s", Benchmark.median(idle) / 1_000, 1);
        Benchmark.atMost("a minute's step with %,d new tasks, s".formatted(NEW), Benchmark.median(busy) / 1_000, 1);
        Benchmark.atMost("until a loss is named, s", named, 60);
    }

    /** As the route does in a minute, without what it would do only if something were wrong. */
    private Minute minute() throws SQLException {
        double milliseconds = 0;
        long pages = 0;
        for (String step : STEPS) {
            String plan = text("explain (analyze, buffers, timing off) " + step);
            milliseconds += Double.parseDouble(find("Execution Time: ([0-9.]+)", plan));
            pages += Long.parseLong(find("Buffers: shared hit=([0-9]+)", plan))
                    + Long.parseLong(find("Buffers: shared [^\n]*read=([0-9]+)", plan));
        }
        return new Minute(milliseconds, pages);
    }

    private static String find(String pattern, String plan) {
        Matcher found = Pattern.compile(pattern).matcher(plan);
        return found.find() ? found.group(1) : "0";
    }

    /** Until all that is there now is counted. */
    private void count() throws SQLException {
        String now = text("select clock_timestamp()");
        while (text("select counted_until > '%s' from postrider.book_state".formatted(now))
                .startsWith("f")) {
            text("select postrider.keep_books()");
        }
    }

    /** Seconds until the finding is there, from its deletion on, as the route would look for it. */
    private double lossIsNamed() throws SQLException {
        text("select count(*) from postrider.reconcile_books(true)"); // has seen how the partitions are
        String lost = text("""
                delete from postrider.task_history
                 where ctid = (select min(ctid) from postrider.task_history where completed_at < now() - interval '%d days')
                   and completed_at < now() - interval '%d days'
                returning task_id""".formatted(DAYS - 1, DAYS - 1)).strip();
        long begun = System.nanoTime();
        text("select pg_stat_force_next_flush()");
        boolean first = true;
        while (text("select count(*) from postrider.book_findings where task_id = '%s'".formatted(lost))
                .startsWith("0")) {
            text("select * from postrider.reconcile_books(%s)".formatted(first));
            first =
                    text("select num_nonnulls(search_before, recount_before, sweep_before) = 0 from postrider.book_state")
                            .startsWith("t");
        }
        return (System.nanoTime() - begun) / 1e9;
    }

    private void fill() throws SQLException {
        text("""
                insert into postrider.workspaces (workspace_id, name, created_at)
                select ('00000000-0000-7000-9000-' || lpad(to_hex(n), 12, '0'))::uuid, 'bench', now() - interval '%d days'
                  from generate_series(0, 999) n""".formatted(DAYS + 1));
        text("set role postrider_owner");
        text("""
                select postrider.make_partitions(parent, month at time zone 'UTC')
                  from unnest(array ['task_history', 'accepted_log']) parent,
                       generate_series(date_trunc('month', now() at time zone 'UTC' - interval '%d days'),
                                       now() at time zone 'UTC', interval '1 month') month order by month""".formatted(DAYS + 1));
        text("reset role");
        for (int from = 0; from < TASKS; from += CHUNK) {
            String time = "now() - interval '%d days' * (1 - (%d + n) / %d.0)".formatted(DAYS, from, TASKS);
            add(time, Math.min(CHUNK, TASKS - from));
        }
        for (String table : List.of("task_history", "accepted_log")) {
            text("vacuum analyze postrider." + table);
        }
        text("update postrider.book_state set counted_until = '-infinity', candidate = null");
        text("truncate postrider.book_totals, postrider.book_days");
        text("checkpoint");
    }

    /** Ids as of that time; accepted by statements of one task each. */
    private void add(String time, int tasks) throws SQLException {
        text("""
                with made as materialized (
                    select ('00000000-0000-7000-9000-' || lpad(to_hex(n %% 1000), 12, '0'))::uuid as workspace, moment,
                           overlay(gen_random_uuid()::text placing left(postrider.id_floor(moment)::text, 13) from 1)::uuid as id
                      from generate_series(1, %d) n cross join lateral (select %s as moment) m
                ), logged as (
                    insert into postrider.accepted_log (workspace_id, kind, task_ids, accepted_at)
                    select workspace, 'task', array [id], moment from made
                )
                insert into postrider.task_history (workspace_id, task_id, created_at, kind, task_type, task_status,
                    priority_rank, scheduled_at, worker_id, attempt_count, failure_count, claimed_at, completed_at, payload)
                select workspace, id, moment, 'task', 'bench', 'completed', 0, moment, 'node', 1, 0, moment, moment,
                       '{"reportId": 12345, "format": "csv"}'
                  from made""".formatted(tasks, time));
    }

    /** The first column of all rows. */
    private String text(String sql) throws SQLException {
        try (Statement statement = connection.createStatement()) {
            StringBuilder lines = new StringBuilder();
            if (statement.execute(sql)) {
                ResultSet rows = statement.getResultSet();
                while (rows.next()) {
                    lines.append(rows.getString(1)).append('\n');
                }
            }
            return lines.toString();
        }
    }
}
