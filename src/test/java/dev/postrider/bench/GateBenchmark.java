package dev.postrider.bench;

import dev.postrider.bench.PickUps.PickUp;
import dev.postrider.testkit.RunningApplication;
import java.time.Duration;
import java.util.List;

/** How long do tasks wait while a transaction that has enqueued one, and so may silence the wake-up, stays open? */
public final class GateBenchmark {

    private static final String TYPE = "bench-gate";
    private static final double GAP = 50;
    private static final Duration OPEN = Duration.ofSeconds(Benchmark.setting("seconds", 60));

    private GateBenchmark() {}

    public static void main(String[] arguments) {
        Benchmark.main(GateBenchmark::run);
    }

    private static void run() throws Exception {
        RunningApplication application = BenchmarkServer.start().application();
        PickUps pickUps = PickUps.of(application, TYPE, "concurrency: 8");
        try (Sender holder = Sender.toPostrider(application, RunningApplication.WORKSPACE, TYPE, new PickUps());
                Sender sender = Sender.toPostrider(application, RunningApplication.WORKSPACE, TYPE, pickUps)) {
            sender.send(GAP, Duration.ofSeconds(10)); // warms up
            pickUps.await(0);
            int from = pickUps.soFar();
            holder.insert();
            sender.send(GAP, OPEN);
            pickUps.await(from);
            print(pickUps.between(from, pickUps.soFar()));
        }
    }

    private static void print(List<PickUp> pickUps) throws Exception {
        double[] milliseconds = PickUps.milliseconds(pickUps);
        double p99 = Benchmark.quantile(0.99, milliseconds);
        Benchmark.print(
                "%n## Gate: a task every %.0f ms, while a transaction that enqueued one stays open for %d s",
                GAP, OPEN.toSeconds());
        Table.ofTimes("while it is open")
                .times("from the commit to the handler", milliseconds)
                .times("its own commit", PickUps.commits(pickUps))
                .print();
        Benchmark.atMost("p99, ms", p99, 100);
        Benchmark.draw(
                "gate",
                new Chart("From the commit to the handler, while the gate is held", "seconds", "milliseconds")
                        .line("each task", PickUps.seconds(pickUps), milliseconds));
    }
}
