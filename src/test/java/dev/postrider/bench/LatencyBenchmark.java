package dev.postrider.bench;

import dev.postrider.bench.PickUps.PickUp;
import dev.postrider.database.DatabaseLocation;
import dev.postrider.testkit.RunningApplication;
import java.io.IOException;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** How long does it take from just before the commit of an insert to the first line of the handler? */
public final class LatencyBenchmark {

    private static final String TYPE = "bench-arrive";
    private static final String OPTIONS = "concurrency: 24";
    private static final int SENDERS = 4;
    private static final int ROUNDS = 3;
    private static final double IDLE = 10;
    private static final double BUSY = 300;
    private static final Duration PHASE = Duration.ofSeconds(Benchmark.setting("seconds", 20));

    /** A queue under watch: who sends to it, and what tells of the tasks that arrived. */
    private record Queue(String name, PickUps pickUps, List<Sender> senders, Optional<Child> worker) {

        /** Sends so many tasks per second; returns them when all have arrived. */
        List<PickUp> measure(double perSecond, Duration duration) throws Exception {
            int from = pickUps.soFar();
            Sender.sendTogether(perSecond > IDLE ? senders : senders.subList(0, 1), perSecond, duration);
            pickUps.await(from, this::hear);
            return pickUps.between(from, pickUps.soFar());
        }

        /** Asks the process which tasks have arrived since it was last asked. */
        private void hear() throws IOException {
            if (worker.isPresent()) {
                for (String arrival : worker.get().ask("arrivals").split(" ")) {
                    String[] parts = arrival.split(":");
                    if (parts.length == 2) {
                        pickUps.begun(Integer.parseInt(parts[0]), Long.parseLong(parts[1]));
                    }
                }
            }
        }
    }

    private final List<Queue> queues = new ArrayList<>();
    private final Table table = Table.ofTimes("");
    private final Chart chart = Chart.distribution("From the commit to the handler", "milliseconds");

    public static void main(String[] arguments) {
        Benchmark.main(() -> new LatencyBenchmark().run());
    }

    private void run() throws Exception {
        BenchmarkServer server = BenchmarkServer.start();
        RunningApplication application = server.application();
        Benchmark.print(
                "%n## Pick-up: from just before the commit to the first line of the handler%n%n%s", server.describe());
        Benchmark.print("- Postrider: a route with %s", OPTIONS);
        queues.add(postrider(application));
        Optional<Graphile> graphile = Graphile.install();
        if (graphile.isPresent()) {
            queues.add(graphile(graphile.get(), server.newDatabase("graphile")));
        }
        for (Queue queue : queues) {
            queue.measure(BUSY, PHASE); // warms up
        }
        List<double[]> idle = measure("a task every 100 ms or so", IDLE);
        List<double[]> busy = measure("300 tasks per second", BUSY);
        table.print();
        if (graphile.isPresent()) {
            beside("p50", 0.5, idle);
            beside("p99", 0.99, idle);
        }
        Benchmark.atMost("p99 at 300 tasks per second, ms", Benchmark.quantile(0.99, busy.get(0)), 30);
        Benchmark.draw("latency", chart);
    }

    private static void beside(String name, double share, List<double[]> idle) {
        Benchmark.atMost(
                name + " on an idle queue, ms, beside Graphile Worker's",
                Benchmark.quantile(share, idle.get(0)),
                Benchmark.quantile(share, idle.get(1)));
    }

    /** The queues take turns; returns the milliseconds of each. */
    private List<double[]> measure(String what, double perSecond) throws Exception {
        List<List<PickUp>> all = new ArrayList<>();
        queues.forEach(queue -> all.add(new ArrayList<>()));
        for (int round = 0; round < ROUNDS; round++) {
            for (int i = 0; i < queues.size(); i++) {
                all.get(i).addAll(queues.get(i).measure(perSecond, PHASE));
            }
        }
        List<double[]> milliseconds = all.stream().map(PickUps::milliseconds).toList();
        for (int i = 0; i < queues.size(); i++) {
            String name = queues.get(i).name + ", " + what;
            double[] one = milliseconds.get(i);
            table.times(name, one);
            chart.values(name, one);
        }
        return milliseconds;
    }

    private static Queue postrider(RunningApplication application) throws SQLException {
        PickUps pickUps = PickUps.of(application, TYPE, OPTIONS);
        List<Sender> senders = new ArrayList<>();
        for (int i = 0; i < SENDERS; i++) {
            senders.add(Sender.toPostrider(application, RunningApplication.WORKSPACE, TYPE, pickUps));
        }
        return new Queue("Postrider", pickUps, senders, Optional.empty());
    }

    private static Queue graphile(Graphile graphile, DatabaseLocation database) throws Exception {
        Child worker = graphile.start(database, Graphile.FOR_LATENCY);
        Benchmark.print("- Graphile Worker: %s", worker.ask("settings"));
        worker.ask("start");
        PickUps pickUps = new PickUps();
        List<Sender> senders = new ArrayList<>();
        for (int i = 0; i < SENDERS; i++) {
            senders.add(Sender.toGraphile(database, pickUps));
        }
        return new Queue("Graphile Worker", pickUps, senders, Optional.of(worker));
    }
}
