package dev.postrider.bench;

import dev.postrider.database.SqlFile;
import dev.postrider.testkit.RunningApplication;
import java.sql.Array;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.locks.LockSupport;
import java.util.function.IntSupplier;
import java.util.function.ToDoubleFunction;

/**
 * Prints how fast queued no-op tasks drain through a route, beside the same claim and finish statements in a bare JDBC
 * loop; the two take turns, so that both meet the same machine. The server syncs to disk as in production.
 */
public final class DrainBenchmark {

    private static final int TASKS = 20_000;
    private static final int ROUNDS = 7;
    private static final int BATCH = 500;
    private static final String BARE = "bench-bare";
    private static final String ROUTE = "bench-route";

    private final RunningApplication application;

    private DrainBenchmark(RunningApplication application) {
        this.application = application;
    }

    public static void main(String[] arguments) throws Exception {
        new DrainBenchmark(Benchmark.application(Map.of("synchronous_commit", "on"))).run();
        System.exit(0);
    }

    private void run() throws Exception {
        application.handler(ROUTE, "concurrency: 2\nprefetch: 2000", "- setProperty: {name: done, constant: \"true\"}");
        application.camel().getRouteController().stopRoute(ROUTE);
        List<double[]> rounds = new ArrayList<>();
        for (int round = 0; round < ROUNDS; round++) {
            rounds.add(new double[] {rate(BARE, this::drainBare), rate(ROUTE, this::drainByRoute)});
        }
        print(rounds);
    }

    private double rate(String type, IntSupplier drain) {
        application.as(
                "tenant",
                RunningApplication.WORKSPACE,
                sql -> sql.queryForObject(
                        "select count(enqueue_task(?)) from generate_series(1, ?)", Integer.class, type, TASKS));
        application.sql().execute("vacuum analyze postrider.background_tasks");
        application.sql().execute("checkpoint");
        int before = ended(type);
        long begun = System.nanoTime();
        drain.getAsInt();
        double seconds = (System.nanoTime() - begun) / 1e9;
        if (ended(type) - before != TASKS) {
            throw new IllegalStateException("Not every task ended");
        }
        return TASKS / seconds;
    }

    private int drainByRoute() {
        try (Connection connection = DriverManager.getConnection(
                        application.database().url(),
                        application.database().username(),
                        application.database().password());
                PreparedStatement left =
                        connection.prepareStatement("select exists (select from postrider.background_tasks)")) {
            application.camel().getRouteController().startRoute(ROUTE);
            while (isTrue(left)) {
                LockSupport.parkNanos(5_000_000);
            }
            application.camel().getRouteController().stopRoute(ROUTE);
            return TASKS;
        } catch (Exception e) {
            throw new IllegalStateException(e);
        }
    }

    private static boolean isTrue(PreparedStatement question) throws SQLException {
        try (ResultSet answer = question.executeQuery()) {
            return answer.next() && answer.getBoolean(1);
        }
    }

    private int drainBare() {
        try (Connection connection = DriverManager.getConnection(
                        application.database().url(),
                        application.database().username(),
                        application.database().password());
                PreparedStatement claim =
                        connection.prepareStatement("select * from postrider.claim_tasks('bench', ?::jsonb)");
                PreparedStatement finish = connection.prepareStatement(SqlFile.read("queries/finish-tasks.sql"))) {
            connection.createStatement().execute("select postrider.heartbeat('bench', 'bench', '[]')");
            int drained = 0;
            while (drained < TASKS) {
                drained += claimAndFinish(connection, claim, finish);
            }
            return drained;
        } catch (SQLException e) {
            throw new IllegalStateException(e);
        }
    }

    private static int claimAndFinish(Connection connection, PreparedStatement claim, PreparedStatement finish)
            throws SQLException {
        List<UUID> workspaces = new ArrayList<>();
        List<UUID> tasks = new ArrayList<>();
        List<Integer> attempts = new ArrayList<>();
        claim.setString(1, "{\"%s\": {\"free\": %d}}".formatted(BARE, BATCH));
        try (ResultSet rows = claim.executeQuery()) {
            while (rows.next()) {
                if (rows.getObject("task_id") != null) {
                    tasks.add(rows.getObject("task_id", UUID.class));
                    workspaces.add(rows.getObject("workspace_id", UUID.class));
                    attempts.add(rows.getInt("attempt_count"));
                }
            }
        }
        Array[] arrays = {
            connection.createArrayOf("uuid", workspaces.toArray()),
            connection.createArrayOf("uuid", tasks.toArray()),
            connection.createArrayOf("integer", attempts.toArray())
        };
        finish.setString(1, "bench");
        for (int i = 0; i < arrays.length; i++) {
            finish.setArray(i + 2, arrays[i]);
        }
        finish.executeQuery().close();
        return tasks.size();
    }

    private int ended(String type) {
        return application
                .sql()
                .queryForObject("select count(*) from postrider.task_history where task_type = ?", Integer.class, type);
    }

    private static void print(List<double[]> rounds) {
        StringBuilder table = new StringBuilder("""

                Draining %,d no-op tasks, synchronous_commit=on, claims of %d, tasks per second
                round   bare JDBC loop   Camel route   ratio
                """.formatted(TASKS, BATCH));
        for (int i = 0; i < rounds.size(); i++) {
            double[] round = rounds.get(i);
            table.append("%5d %16.0f %13.0f %7.2f%n".formatted(i + 1, round[0], round[1], round[1] / round[0]));
        }
        double[] ratios = measured(rounds, round -> round[1] / round[0]);
        table.append("median of rounds 2 to %d: %.0f and %.0f, ratio %.2f (%.2f to %.2f)%n"
                .formatted(
                        ROUNDS,
                        Benchmark.median(measured(rounds, round -> round[0])),
                        Benchmark.median(measured(rounds, round -> round[1])),
                        Benchmark.median(ratios),
                        Benchmark.quantile(0, ratios),
                        Benchmark.quantile(1, ratios)));
        System.out.println(table);
    }

    /** Of all rounds but the first, which warms up. */
    private static double[] measured(List<double[]> rounds, ToDoubleFunction<double[]> figure) {
        return rounds.stream().skip(1).mapToDouble(figure).toArray();
    }
}
