package dev.postrider.bench;

import dev.postrider.bench.Deliveries.Arrival;
import dev.postrider.bench.Deliveries.Rate;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.UUID;
import java.util.function.ToDoubleFunction;

/** How fast are events delivered, beside a bare loop that signs and posts them, and how soon do they arrive? */
public final class OutboundBenchmark {

    private static final int WORKSPACES = 100;
    /** As many as a node delivers at once. */
    private static final int THREADS = 32;

    private static final int ROUNDS = Benchmark.setting("rounds", 5);
    private static final int SECONDS = Benchmark.setting("seconds", 8);
    private static final int EVENTS = Benchmark.setting("tasks", 15_000);

    private final Deliveries deliveries;
    private final List<UUID> workspaces;

    private OutboundBenchmark(Deliveries deliveries) throws Exception {
        this.deliveries = deliveries;
        this.workspaces = deliveries.workspaces(WORKSPACES, 0);
    }

    public static void main(String[] arguments) {
        Benchmark.main(() -> {
            try (Deliveries deliveries = new Deliveries()) {
                Benchmark.print(
                        "%n## Outbound: events of 500 bytes from %d workspaces, a receiver on this machine%n%n%s",
                        WORKSPACES, deliveries.server().describe());
                OutboundBenchmark benchmark = new OutboundBenchmark(deliveries);
                benchmark.throughput();
                benchmark.latency(500, 250);
                benchmark.latency(20, 30);
            }
        });
    }

    private void throughput() throws Exception {
        List<Rate> rates = new ArrayList<>();
        List<BareLoop.Rate> bare = new ArrayList<>();
        try (BareLoop loop = new BareLoop(THREADS, deliveries.receiverUrl() + "/bare")) {
            for (int round = 0; round <= ROUNDS; round++) {
                rates.add(deliveries.rate(workspaces, EVENTS));
                bare.add(loop.measure(SECONDS));
            }
        }
        rates.remove(0); // warmed up
        bare.remove(0);
        double[] delivered = figures(rates, Rate::perSecond);
        double[] posted = figures(bare, BareLoop.Rate::perSecond);
        double[] ratios = new double[ROUNDS];
        for (int i = 0; i < ROUNDS; i++) {
            ratios[i] = delivered[i] / posted[i];
        }
        new Table(
                        "%d rounds of %,d events".formatted(ROUNDS, EVENTS),
                        "per second, median",
                        "least",
                        "most",
                        "own CPU, µs each",
                        "database CPU, µs each")
                .row(
                        "published, delivered and committed",
                        Benchmark.median(delivered),
                        Benchmark.quantile(0, delivered),
                        Benchmark.quantile(1, delivered),
                        Benchmark.median(figures(rates, Rate::nodeCpu)),
                        Benchmark.median(figures(rates, Rate::databaseCpu)))
                .row(
                        "signed and posted by a bare loop of %d threads".formatted(THREADS),
                        Benchmark.median(posted),
                        Benchmark.quantile(0, posted),
                        Benchmark.quantile(1, posted),
                        Benchmark.median(figures(bare, BareLoop.Rate::cpu)),
                        "")
                .print();
        Statements.print(deliveries.sql(), "per delivery", EVENTS);
        double statements =
                Benchmark.median(figures(rates, rate -> rate.statements().all()));
        Benchmark.print(
                "Statements per delivery: %.2f, without BEGIN and COMMIT %.2f%n",
                statements,
                Benchmark.median(figures(rates, rate -> rate.statements().inside())));
        Benchmark.atLeast("Beside the bare loop", Benchmark.median(ratios), 0.4);
        Benchmark.atLeast("Deliveries per second", Benchmark.median(delivered), 1_500);
        Benchmark.atMost("Statements per delivery, BEGIN and COMMIT included", statements, 4);
    }

    private void latency(int perSecond, double wanted) throws Exception {
        List<Arrival> arrivals = deliveries.paced(workspaces, perSecond, 2 * SECONDS, Set.of());
        double[] sinceDue = figures(arrivals, Arrival::sinceDue);
        Table.ofTimes("%d events per second".formatted(perSecond))
                .times("from when each was to be published to its arrival", sinceDue)
                .times("from just before its commit", figures(arrivals, Arrival::sinceCommit))
                .print();
        Benchmark.atMost("p99 at %d per second, ms".formatted(perSecond), Benchmark.quantile(0.99, sinceDue), wanted);
    }

    private static <T> double[] figures(List<T> rounds, ToDoubleFunction<T> figure) {
        return rounds.stream().mapToDouble(figure).toArray();
    }
}
