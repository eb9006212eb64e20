package dev.postrider.bench;

import dev.postrider.bench.PickUps.PickUp;
import dev.postrider.testkit.RunningApplication;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.function.ToDoubleFunction;

/** What do tasks that are due in the far future cost those that are due now? Two databases on one server, one with and one without. */
public final class DelayedBenchmark {

    private static final int FUTURE = Benchmark.setting("future", 1_000_000);
    private static final int WORKSPACES = 5_000;
    private static final int TASKS = Benchmark.setting("tasks", 50_000);
    private static final int ROUNDS = Benchmark.setting("rounds", 3);
    private static final int CLAIMS = 1_000;
    private static final String ARRIVE = "bench-arrive";

    /** Everything about one of the databases. */
    private record Side(String name, RunningApplication application, PostriderQueue queue, PickUps pickUps) {

        static Side of(String name, BenchmarkServer server) throws Exception {
            RunningApplication application = server.application(server.newDatabase("bench_" + name));
            PickUps pickUps = PickUps.of(application, ARRIVE, "concurrency: 8");
            return new Side(
                    name,
                    application,
                    new PostriderQueue(application, "bench-route", "concurrency: 2\nprefetch: 2000", 1),
                    pickUps);
        }

        List<PickUp> arrivals() throws Exception {
            int from = pickUps.soFar();
            try (Sender sender = Sender.toPostrider(application, RunningApplication.WORKSPACE, ARRIVE, pickUps)) {
                sender.send(50, Duration.ofSeconds(10));
            }
            pickUps.await(from);
            return pickUps.between(from, pickUps.soFar());
        }

        /** Milliseconds of a claim of which nothing comes. */
        double emptyClaim() throws Exception {
            double[] milliseconds = new double[CLAIMS];
            try (Connection connection = DriverManager.getConnection(
                            application.database().url(),
                            application.database().username(),
                            application.database().password());
                    PreparedStatement claim = connection.prepareStatement(
                            "select * from postrider.claim_tasks('bench', '{\"bench-route\": {\"free\": 10}}')")) {
                connection.createStatement().execute("select postrider.heartbeat('bench', 'bench', '[]')");
                for (int i = 0; i < CLAIMS; i++) {
                    long begun = System.nanoTime();
                    claim.executeQuery().close();
                    milliseconds[i] = (System.nanoTime() - begun) / 1e6;
                }
                connection.createStatement().execute("delete from postrider.worker_nodes where node_id = 'bench'");
            }
            return Benchmark.median(milliseconds);
        }
    }

    /** What one round said of one side. */
    private record Figures(double perSecond, double databaseCpu, double p50, double p99, double emptyClaim) {}

    private DelayedBenchmark() {}

    public static void main(String[] arguments) {
        Benchmark.main(DelayedBenchmark::run);
    }

    private static void run() throws Exception {
        BenchmarkServer server = BenchmarkServer.start();
        Benchmark.print(
                "%n## Delayed: %,d tasks of %,d workspaces that are due in a year, beside the same without them%n%n%s",
                FUTURE, WORKSPACES, server.describe());
        List<Side> sides = List.of(Side.of("without", server), Side.of("with", server));
        RunningApplication laden = sides.get(1).application;
        Workspaces.make(laden, WORKSPACES);
        Workspaces.fill(laden, WORKSPACES, "bench-route", FUTURE, "now() + interval '1 year'");
        List<List<Figures>> rounds = List.of(new ArrayList<>(), new ArrayList<>());
        for (int round = 0; round <= ROUNDS; round++) {
            for (int side = 0; side < sides.size(); side++) {
                rounds.get(side).add(measure(server, sides.get(side)));
            }
        }
        rounds.forEach(figures -> figures.remove(0)); // warmed up
        print(sides, rounds);
    }

    private static Figures measure(BenchmarkServer server, Side side) throws Exception {
        Drain drain = Drain.measure(server, side.queue, TASKS);
        double[] milliseconds = PickUps.milliseconds(side.arrivals());
        return new Figures(
                drain.perSecond(),
                drain.databaseCpu(),
                Benchmark.quantile(0.5, milliseconds),
                Benchmark.quantile(0.99, milliseconds),
                side.emptyClaim());
    }

    private static void print(List<Side> sides, List<List<Figures>> rounds) {
        Table table = new Table(
                "medians of %d rounds".formatted(ROUNDS),
                "drain, tasks/s",
                "database CPU, µs/task",
                "pick-up p50, ms",
                "pick-up p99, ms",
                "a claim of nothing, ms");
        for (int side = 0; side < sides.size(); side++) {
            table.row(
                    sides.get(side).name,
                    median(rounds.get(side), Figures::perSecond),
                    median(rounds.get(side), Figures::databaseCpu),
                    median(rounds.get(side), Figures::p50),
                    median(rounds.get(side), Figures::p99),
                    median(rounds.get(side), Figures::emptyClaim));
        }
        table.print();
        double[] ratios = new double[ROUNDS];
        for (int i = 0; i < ROUNDS; i++) {
            ratios[i] = rounds.get(1).get(i).perSecond / rounds.get(0).get(i).perSecond;
        }
        Benchmark.atLeast("Drain with them beside without", Benchmark.median(ratios), 0.9);
    }

    private static double median(List<Figures> rounds, ToDoubleFunction<Figures> figure) {
        return Benchmark.median(rounds.stream().mapToDouble(figure).toArray());
    }
}
