package dev.postrider.bench;

import dev.postrider.database.DatabaseLocation;
import dev.postrider.testkit.RunningApplication;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.ToDoubleFunction;

/** How fast do queued no-op tasks drain through a route, beside the statements alone, and beside other queues? */
public final class DrainBenchmark {

    private static final int TASKS = Benchmark.setting("tasks", 100_000);
    private static final int ROUNDS = Benchmark.setting("rounds", 4);

    /** Of the slower ones, which would take most of the time: a rate needs no more. */
    private static final int FEWER = TASKS / 5;

    private final BenchmarkServer server;
    private final List<Contestant> floors;
    private final Contestant postrider;
    private final List<Contestant> javaRivals;
    private final List<Contestant> graphiles = new ArrayList<>();

    /** By contestant, one drain each round. */
    private final Map<Contestant, List<Drain>> drains = new LinkedHashMap<>();

    private DrainBenchmark(BenchmarkServer server) throws Exception {
        this.server = server;
        RunningApplication application = server.application();
        postrider = new PostriderQueue(application, "bench-route", "concurrency: 2\nprefetch: 2000", 1);
        floors = List.of(new SqlFloor(application, 1), new SqlFloor(application, 2));
        javaRivals = List.of(Rival.dbScheduler(server), Rival.jobRunr(server));
        Optional<Graphile> graphile = Graphile.install();
        if (graphile.isPresent()) {
            DatabaseLocation database = server.newDatabase("graphile");
            graphiles.add(Rival.graphile(graphile.get(), database, 1, Graphile.FOR_RATE));
            graphiles.add(Rival.graphile(graphile.get(), database, 2, Graphile.FOR_RATE));
        }
    }

    public static void main(String[] arguments) {
        Benchmark.main(() -> new DrainBenchmark(BenchmarkServer.start()).run());
    }

    private void run() throws Exception {
        Benchmark.print(
                "%n## Drain: %,d no-op tasks of 200 bytes, through a route of YAML%n%n%s", TASKS, server.describe());
        List<Contestant> contestants = new ArrayList<>(List.of(postrider));
        contestants.addAll(floors);
        contestants.addAll(graphiles);
        contestants.addAll(javaRivals);
        for (Contestant contestant : contestants) {
            Benchmark.print("- %s: %s", contestant.name(), contestant.settings());
            Drain.measure(server, contestant, FEWER); // warms up
        }
        for (int round = 0; round < ROUNDS; round++) {
            for (Contestant contestant : contestants) {
                drains.computeIfAbsent(contestant, one -> new ArrayList<>())
                        .add(Drain.measure(server, contestant, tasks(contestant)));
            }
        }
        for (Contestant contestant : contestants) {
            contestant.close();
        }
        print();
    }

    private int tasks(Contestant contestant) {
        return javaRivals.contains(contestant) ? FEWER : TASKS;
    }

    private void print() throws Exception {
        Table table = new Table(
                "%d rounds".formatted(ROUNDS),
                "tasks",
                "tasks/s, median",
                "least",
                "most",
                "Postrider beside it",
                "own CPU, µs/task",
                "database CPU, µs/task");
        Chart chart = new Chart("Draining %,d tasks, the median round".formatted(TASKS), "seconds", "tasks handled");
        drains.forEach((contestant, rounds) -> {
            double[] rates = figures(rounds, Drain::perSecond);
            table.row(
                    contestant.name(),
                    tasks(contestant),
                    Benchmark.median(rates),
                    Benchmark.quantile(0, rates),
                    Benchmark.quantile(1, rates),
                    ratioTo(contestant),
                    Benchmark.median(figures(rounds, Drain::ownCpu)),
                    Benchmark.median(figures(rounds, Drain::databaseCpu)));
            Drain middle = rounds.stream()
                    .sorted(Comparator.comparing(Drain::perSecond))
                    .toList()
                    .get((rounds.size() - 1) / 2);
            chart.line(contestant.name(), array(middle.seconds()), array(middle.handled()));
        });
        table.print();
        Benchmark.atLeast("Beside the SQL floor, the faster of its two", ratioTo(fastest(floors)), 0.6);
        Benchmark.atLeast("Times the faster of db-scheduler and JobRunr", ratioTo(fastest(javaRivals)), 3);
        if (!graphiles.isEmpty()) {
            Benchmark.atLeast("Times Graphile Worker in one process", ratioTo(graphiles.get(0)), 1.1);
            Benchmark.atLeast("Times Graphile Worker in two processes", ratioTo(graphiles.get(1)), 1);
        }
        Benchmark.draw("drain", chart);
    }

    /** The median of the rounds' ratios: in one round all meet the same machine. */
    private double ratioTo(Contestant other) {
        double[] ratios = new double[ROUNDS];
        for (int round = 0; round < ROUNDS; round++) {
            ratios[round] = drains.get(postrider).get(round).perSecond()
                    / drains.get(other).get(round).perSecond();
        }
        return Benchmark.median(ratios);
    }

    private Contestant fastest(List<Contestant> some) {
        return some.stream()
                .max(Comparator.comparing(one -> Benchmark.median(figures(drains.get(one), Drain::perSecond))))
                .orElseThrow();
    }

    private static double[] figures(List<Drain> rounds, ToDoubleFunction<Drain> figure) {
        return rounds.stream().mapToDouble(figure).toArray();
    }

    private static double[] array(List<Double> values) {
        return values.stream().mapToDouble(Double::doubleValue).toArray();
    }
}
