package dev.postrider.bench;

import dev.postrider.testkit.RunningApplication;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.LongAdder;

/** What does it cost to enqueue, beside the same without the wake-up, and beside a bare insert into a plain table? */
public final class EnqueueBenchmark {

    private static final int[] CLIENTS = {1, 4, 16};
    private static final List<Kind> SINGLE = List.of(Kind.ENQUEUE, Kind.SILENT, Kind.PLAIN);
    private static final int ROUNDS = Benchmark.setting("rounds", 5);
    private static final Duration PHASE = Duration.ofSeconds(Benchmark.setting("seconds", 2));

    private static final String PAYLOAD = "{\"n\": 12345, \"text\": \"%s\"}".formatted("x".repeat(180));

    /** What adds tasks; {@code %s} is the workspace. */
    private enum Kind {
        ENQUEUE("enqueue_task", 1, "select postrider.enqueue_task('bench-enqueue', ?::jsonb)"),
        SILENT("enqueue_task without the wake-up", 1, ENQUEUE.statement),
        PLAIN("bare insert into the plain table", 1, """
                insert into postrider.bench_plain (workspace_id, task_type, payload, scheduled_at, ready, priority_rank)
                values ('%s', 'bench-enqueue', ?::jsonb, now(), true, 0)
                """),
        ENQUEUE_MANY("bulk enqueue", 1_000, "select postrider.enqueue_tasks(?::jsonb)"),
        PLAIN_MANY("bulk insert into the plain table", 1_000, """
                insert into postrider.bench_plain (workspace_id, task_type, payload, scheduled_at, ready, priority_rank)
                select '%s', task ->> 'taskType', task -> 'payload', now(), true, 0 from jsonb_array_elements(?::jsonb) task
                """);

        final String title;
        final int rows;
        final String statement;

        Kind(String title, int rows, String statement) {
            this.title = title;
            this.rows = rows;
            this.statement = statement;
        }
    }

    /** A kind in the hands of so many clients at once. */
    private record Way(Kind kind, int clients) {}

    private final RunningApplication application;
    private final String waking;
    private final String silent;

    private EnqueueBenchmark(RunningApplication application) {
        this.application = application;
        this.waking = application
                .sql()
                .queryForObject("select pg_get_functiondef('postrider.tasks_added'::regproc)", String.class);
        this.silent = waking.replaceFirst("(?s)if due .*?end if;", "");
        if (silent.equals(waking)) {
            throw new IllegalStateException("The wake-up is not where it is looked for:\n" + waking);
        }
    }

    public static void main(String[] arguments) {
        Benchmark.main(() -> {
            BenchmarkServer server = BenchmarkServer.start();
            EnqueueBenchmark benchmark = new EnqueueBenchmark(server.application());
            Benchmark.print("""

                    ## Enqueue: tasks of 200 bytes

                    %s

                    Each statement is alone in a transaction that names the workspace first. A node listens and has no handler of
                    the type. The plain table is `like postrider.background_tasks including all`: the same columns, defaults, checks
                    and indexes, without triggers and policies.""", server.describe());
            benchmark.run();
        });
    }

    private void run() throws Exception {
        application.sql().execute("""
                create table postrider.bench_plain (like postrider.background_tasks including all);
                grant insert on postrider.bench_plain to postrider_tenant
                """);
        List<Way> ways = new ArrayList<>();
        for (int clients : CLIENTS) {
            for (Kind kind : SINGLE) {
                ways.add(new Way(kind, clients));
            }
        }
        ways.add(new Way(Kind.ENQUEUE_MANY, 1));
        ways.add(new Way(Kind.PLAIN_MANY, 1));
        Map<Way, double[]> rates = new LinkedHashMap<>();
        for (int round = 0; round <= ROUNDS; round++) {
            for (Way way : ways) {
                rates.computeIfAbsent(way, one -> new double[ROUNDS + 1])[round] = rate(way);
            }
        }
        rates.replaceAll((way, all) -> Arrays.copyOfRange(all, 1, all.length)); // the first warms up
        print(rates);
    }

    /** Tasks per second. */
    private double rate(Way way) throws Exception {
        application.sql().execute(way.kind == Kind.SILENT ? silent : waking);
        application.sql().execute("truncate postrider.background_tasks, postrider.accepted_log, postrider.bench_plain");
        application.sql().execute("checkpoint");
        LongAdder statements = new LongAdder();
        List<Benchmark.Work> clients = new ArrayList<>();
        long begun = System.nanoTime();
        for (int i = 0; i < way.clients; i++) {
            clients.add(() -> add(way, begun + PHASE.toNanos(), statements));
        }
        Clients.run(clients);
        double seconds = (System.nanoTime() - begun) / 1e9;
        application.sql().execute(waking);
        return statements.sum() * way.kind.rows / seconds;
    }

    private void add(Way way, long until, LongAdder statements) throws Exception {
        try (Connection connection = Sender.tenant(application);
                Statement named = connection.createStatement();
                PreparedStatement insert =
                        connection.prepareStatement(way.kind.statement.formatted(RunningApplication.WORKSPACE))) {
            connection.setAutoCommit(false);
            insert.setString(1, way.kind.rows == 1 ? PAYLOAD : many(way.kind.rows));
            while (System.nanoTime() < until) {
                named.execute("select set_config('app.active_workspace', '%s', true)"
                        .formatted(RunningApplication.WORKSPACE));
                insert.execute();
                connection.commit();
                statements.increment();
            }
        }
    }

    private static String many(int rows) {
        String task = "{\"taskType\": \"bench-enqueue\", \"payload\": %s}".formatted(PAYLOAD);
        return "[" + (task + ", ").repeat(rows - 1) + task + "]";
    }

    private static void print(Map<Way, double[]> rates) throws Exception {
        Table table = new Table(
                "%d rounds".formatted(ROUNDS), "clients", "rows per statement", "tasks/s, median", "least", "most");
        rates.forEach((way, all) -> table.row(
                way.kind.title,
                way.clients,
                way.kind.rows,
                Benchmark.median(all),
                Benchmark.quantile(0, all),
                Benchmark.quantile(1, all)));
        table.print();
        for (int clients : new int[] {1, 16}) {
            Way enqueue = new Way(Kind.ENQUEUE, clients);
            Benchmark.atLeast(
                    "Beside no wake-up, clients: " + clients,
                    ratio(rates, enqueue, new Way(Kind.SILENT, clients)),
                    0.9);
            Benchmark.atLeast(
                    "Beside the bare insert, clients: " + clients,
                    ratio(rates, enqueue, new Way(Kind.PLAIN, clients)),
                    0.7);
        }
        Benchmark.atLeast(
                "Bulk beside the bulk insert",
                ratio(rates, new Way(Kind.ENQUEUE_MANY, 1), new Way(Kind.PLAIN_MANY, 1)),
                0.8);
        Chart chart = new Chart("Single tasks enqueued", "clients", "tasks per second");
        double[] clients = Arrays.stream(CLIENTS).asDoubleStream().toArray();
        for (Kind kind : SINGLE) {
            double[] perSecond = Arrays.stream(CLIENTS)
                    .mapToDouble(count -> Benchmark.median(rates.get(new Way(kind, count))))
                    .toArray();
            chart.line(kind.title, clients, perSecond);
        }
        Benchmark.draw("enqueue", chart);
    }

    /** The median of the rounds' ratios: in one round all meet the same machine. */
    private static double ratio(Map<Way, double[]> rates, Way one, Way other) {
        double[] ratios = new double[ROUNDS];
        for (int round = 0; round < ROUNDS; round++) {
            ratios[round] = rates.get(one)[round] / rates.get(other)[round];
        }
        return Benchmark.median(ratios);
    }
}
