package dev.postrider.bench;

import dev.postrider.bench.PickUps.PickUp;
import dev.postrider.testkit.RunningApplication;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;

/**
 * What happens to rate and pick-up while one transaction holds its snapshot, so that no dead row can be removed?
 * The setting {@code minutes=10} makes it as long as a long report takes.
 */
public final class HeldTransactionBenchmark {

    private static final String TYPE = "bench-held";
    private static final double PER_SECOND = 500;
    private static final int SENDERS = 8;
    private static final Duration BEFORE = Duration.ofSeconds(20);
    private static final Duration HELD = Duration.ofMinutes(Benchmark.setting("minutes", 2));
    private static final Duration WINDOW = Duration.ofSeconds(5);

    /** What a moment showed. */
    private record Moment(double seconds, int deadRows, double megabytes) {}

    private HeldTransactionBenchmark() {}

    public static void main(String[] arguments) {
        Benchmark.main(HeldTransactionBenchmark::run);
    }

    private static void run() throws Exception {
        RunningApplication application = BenchmarkServer.start().application();
        PickUps pickUps = PickUps.of(application, TYPE, "concurrency: 8\nprefetch: 100");
        List<Sender> senders = new ArrayList<>();
        for (int i = 0; i < SENDERS; i++) {
            senders.add(Sender.toPostrider(application, RunningApplication.WORKSPACE, TYPE, pickUps));
        }
        Sender.sendTogether(senders, PER_SECOND, Duration.ofSeconds(10)); // warms up
        pickUps.await(0);
        int from = pickUps.soFar();
        long begun = System.nanoTime();
        CompletableFuture<Void> sending = CompletableFuture.runAsync(() -> send(senders));
        Thread.sleep(BEFORE.toMillis());
        List<Moment> moments = new ArrayList<>();
        try (Connection holder = DriverManager.getConnection(
                application.database().url(),
                application.database().username(),
                application.database().password())) {
            hold(holder);
            while (!sending.isDone()) {
                moments.add(moment(application, (System.nanoTime() - begun) / 1e9));
                Thread.sleep(WINDOW.toMillis());
            }
            sending.join();
            pickUps.await(from);
        }
        print(pickUps.between(from, pickUps.soFar()), moments);
    }

    private static void send(List<Sender> senders) {
        try {
            Sender.sendTogether(senders, PER_SECOND, BEFORE.plus(HELD));
        } catch (Exception e) {
            throw new CompletionException(e);
        }
    }

    /** Has a transaction id and a snapshot, as a long report that also writes. */
    private static void hold(Connection connection) throws SQLException {
        connection.setAutoCommit(false);
        connection.setTransactionIsolation(Connection.TRANSACTION_REPEATABLE_READ);
        try (Statement statement = connection.createStatement()) {
            statement.execute("select pg_current_xact_id(), count(*) from postrider.workspaces");
        }
    }

    private static Moment moment(RunningApplication application, double seconds) {
        return application.sql().queryForObject("""
                        select n_dead_tup, pg_total_relation_size(relid) / 1048576.0
                          from pg_stat_user_tables where relid = 'postrider.background_tasks'::regclass
                        """, (row, n) -> new Moment(seconds, row.getInt(1), row.getDouble(2)));
    }

    private static void print(List<PickUp> pickUps, List<Moment> moments) throws Exception {
        Benchmark.print(
                "%n## Held transaction: %.0f tasks per second, while a transaction keeps its snapshot for %d minutes, from second %d on",
                PER_SECOND, HELD.toMinutes(), BEFORE.toSeconds());
        Table table = new Table("second", "tasks/s begun", "p50, ms", "p99, ms", "dead rows", "table and indexes, MB");
        int windows = (int) (BEFORE.plus(HELD).toSeconds() / WINDOW.toSeconds());
        double[] ends = new double[windows];
        double[] begunPerSecond = new double[windows];
        double[] p50 = new double[windows];
        double[] p99 = new double[windows];
        for (int i = 0; i < windows; i++) {
            double start = i * WINDOW.toSeconds();
            double end = start + WINDOW.toSeconds();
            double[] sent = pickUps.stream()
                    .filter(one -> one.seconds() >= start && one.seconds() < end)
                    .mapToDouble(PickUp::milliseconds)
                    .toArray();
            ends[i] = end;
            begunPerSecond[i] = pickUps.stream()
                            .mapToDouble(one -> one.seconds() + one.milliseconds() / 1000)
                            .filter(at -> at >= start && at < end)
                            .count()
                    / (double) WINDOW.toSeconds();
            p50[i] = Benchmark.quantile(0.5, sent);
            p99[i] = Benchmark.quantile(0.99, sent);
        }
        int step = Math.max(1, windows / 14);
        for (int i = 0; i < windows; i += step) {
            Moment then = at(moments, ends[i]);
            table.row((int) ends[i], begunPerSecond[i], p50[i], p99[i], then.deadRows, then.megabytes);
        }
        table.print();
        int before = (int) (BEFORE.toSeconds() / WINDOW.toSeconds());
        Benchmark.atLeast(
                "The rate of the last half minute beside the rate before",
                mean(begunPerSecond, windows - 6, windows) / mean(begunPerSecond, 0, before),
                0.9);
        Benchmark.draw(
                "held-rate",
                new Chart("Tasks begun while a transaction is held from second 20 on", "seconds", "tasks per second")
                        .line("tasks begun", ends, begunPerSecond));
        Benchmark.draw(
                "held-latency",
                new Chart("Pick-up while a transaction is held from second 20 on", "seconds", "milliseconds")
                        .line("p50", ends, p50)
                        .line("p99", ends, p99));
        Benchmark.draw(
                "held-dead-rows",
                new Chart("Dead rows of the queue's table", "seconds", "rows")
                        .line(
                                "dead rows",
                                moments.stream().mapToDouble(Moment::seconds).toArray(),
                                moments.stream().mapToDouble(Moment::deadRows).toArray()));
    }

    private static Moment at(List<Moment> moments, double seconds) {
        Moment last = new Moment(0, 0, Double.NaN);
        for (Moment moment : moments) {
            last = moment.seconds <= seconds ? moment : last;
        }
        return last;
    }

    private static double mean(double[] values, int from, int to) {
        return Arrays.stream(values, from, to).average().orElseThrow();
    }
}
