package dev.postrider.bench;

import dev.postrider.bench.PickUps.PickUp;
import dev.postrider.testkit.RunningApplication;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;

/** What does a workspace feel of another one's flood, and what does it cost to serve thousands of workspaces in turn? */
public final class FairnessBenchmark {

    private static final String TYPE = "bench-quiet";
    private static final String OPTIONS = "concurrency: 4\nprefetch: 100";
    private static final int FLOOD = Benchmark.setting("tasks", 100_000);
    private static final int WORKSPACES = 5_000;
    private static final int ROUNDS = Benchmark.setting("rounds", 3);
    private static final double GAP = 100;

    private final BenchmarkServer server;
    private final RunningApplication application;

    private FairnessBenchmark(BenchmarkServer server) {
        this.server = server;
        this.application = server.application();
    }

    public static void main(String[] arguments) {
        Benchmark.main(() -> {
            FairnessBenchmark benchmark = new FairnessBenchmark(BenchmarkServer.start());
            benchmark.neighbour();
            benchmark.manyWorkspaces();
        });
    }

    private void neighbour() throws Exception {
        Benchmark.print(
                "%n## Noisy neighbour: one workspace enqueues %,d tasks, another a task every %.0f ms of the same type, %d times%n%n- a route with %s",
                FLOOD, GAP, ROUNDS, OPTIONS.replace("\n", ", "));
        PickUps pickUps = PickUps.of(application, TYPE, OPTIONS);
        UUID quiet = application.newWorkspace();
        try (Sender sender = Sender.toPostrider(application, quiet, TYPE, pickUps)) {
            sender.send(GAP / 10, Duration.ofSeconds(5)); // warms up
            List<PickUp> alone = new ArrayList<>();
            List<PickUp> flooded = new ArrayList<>();
            for (int round = 0; round < ROUNDS; round++) {
                int begun = pickUps.soFar();
                sender.send(GAP, Duration.ofSeconds(20));
                pickUps.await(begun);
                int flooding = pickUps.soFar();
                CompletableFuture<Void> flood =
                        CompletableFuture.runAsync(() -> PostriderQueue.fill(application, TYPE, FLOOD));
                do {
                    sender.send(GAP, Duration.ofSeconds(1));
                } while (!flood.isDone() || !PostriderQueue.isDrained(application, TYPE));
                flood.join();
                pickUps.await(flooding);
                alone.addAll(pickUps.between(begun, flooding));
                flooded.addAll(pickUps.between(flooding, pickUps.soFar()));
            }
            print(alone, flooded);
        }
        application.camel().getRouteController().stopRoute(TYPE);
    }

    private void print(List<PickUp> alone, List<PickUp> flooded) throws Exception {
        Table table = Table.ofTimes("the quiet workspace");
        double[] before = PickUps.milliseconds(alone);
        double[] during = PickUps.milliseconds(flooded);
        table.times("alone", before);
        table.times("alone, its own commit", PickUps.commits(alone));
        table.times("during the flood", during);
        table.times("during the flood, its own commit", PickUps.commits(flooded));
        table.times("during the flood, from the end of its commit", PickUps.afterCommits(flooded));
        table.print();
        Benchmark.atMost(
                "p99, ms, beside twice the p99 alone and 20 ms",
                Benchmark.quantile(0.99, during),
                2 * Benchmark.quantile(0.99, before) + 20);
        Benchmark.atMost(
                "p99 from the end of its commit, ms, beside twice the same alone and 20 ms",
                Benchmark.quantile(0.99, PickUps.afterCommits(flooded)),
                2 * Benchmark.quantile(0.99, PickUps.afterCommits(alone)) + 20);
        Benchmark.draw(
                "neighbour",
                Chart.distribution("From the commit to the handler, beside a noisy neighbour", "milliseconds")
                        .values("alone", before)
                        .values("during the flood", during));
    }

    private void manyWorkspaces() throws Exception {
        Benchmark.print("%n## Drain of %,d tasks of one workspace, and of %,d", FLOOD, WORKSPACES);
        Workspaces.make(application, WORKSPACES);
        PostriderQueue one = new PostriderQueue(application, "one", "concurrency: 2\nprefetch: 2000", 1);
        PostriderQueue many = new PostriderQueue(application, "many", "concurrency: 2\nprefetch: 2000", WORKSPACES);
        List<double[]> rounds = new ArrayList<>();
        for (int round = 0; round <= ROUNDS; round++) {
            rounds.add(new double[] {
                Drain.measure(server, one, FLOOD).perSecond(),
                Drain.measure(server, many, FLOOD).perSecond()
            });
        }
        rounds.remove(0); // warmed up
        Table table = new Table("%d rounds".formatted(ROUNDS), "tasks/s, median", "least", "most");
        for (int i = 0; i < 2; i++) {
            int column = i;
            double[] rates = rounds.stream().mapToDouble(round -> round[column]).toArray();
            table.row(
                    i == 0 ? "one workspace" : "%,d workspaces".formatted(WORKSPACES),
                    Benchmark.median(rates),
                    Benchmark.quantile(0, rates),
                    Benchmark.quantile(1, rates));
        }
        table.print();
        Benchmark.atLeast(
                "Many workspaces beside one",
                Benchmark.median(rounds.stream()
                        .mapToDouble(round -> round[1] / round[0])
                        .toArray()),
                0.8);
    }
}
