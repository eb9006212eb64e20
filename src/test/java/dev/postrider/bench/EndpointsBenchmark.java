package dev.postrider.bench;

import java.util.List;
import java.util.UUID;

/** What do 10,000 endpoints cost that no event is for: an idle node, and a busy one? */
public final class EndpointsBenchmark {

    private static final int WORKSPACES = 100;
    private static final int FURTHER = 100;
    private static final int ROUNDS = Benchmark.setting("rounds", 3);
    private static final int EVENTS = Benchmark.setting("tasks", 15_000);

    private EndpointsBenchmark() {}

    public static void main(String[] arguments) {
        Benchmark.main(() -> {
            try (Deliveries deliveries = new Deliveries()) {
                run(deliveries);
            }
        });
    }

    private static void run(Deliveries deliveries) throws Exception {
        Benchmark.print(
                "%n## Endpoints: %,d that no event is for, in %d workspaces%n%n%s",
                WORKSPACES * FURTHER, WORKSPACES, deliveries.server().describe());
        Idle without = Idle.measure(deliveries.server(), deliveries.node(), deliveries.sql());
        List<UUID> plain = deliveries.workspaces(WORKSPACES, 0);
        List<UUID> crowded = deliveries.workspaces(WORKSPACES, FURTHER);
        Idle with = Idle.measure(deliveries.server(), deliveries.node(), deliveries.sql());
        new Table("an idle node", "node, % of a processor", "database, % of a processor", "queries/s")
                .row("without endpoints", without.node(), without.database(), without.queries())
                .row("with them", with.node(), with.database(), with.queries())
                .print();
        double[] rates = new double[ROUNDS];
        double[] crowdedRates = new double[ROUNDS];
        double[] ratios = new double[ROUNDS];
        deliveries.rate(plain, EVENTS); // warms up
        for (int round = 0; round < ROUNDS; round++) {
            rates[round] = deliveries.rate(plain, EVENTS).perSecond();
            crowdedRates[round] = deliveries.rate(crowded, EVENTS).perSecond();
            ratios[round] = crowdedRates[round] / rates[round];
        }
        new Table("%d rounds of %,d events, medians".formatted(ROUNDS, EVENTS), "deliveries/s")
                .row("workspaces with one endpoint", Benchmark.median(rates))
                .row("with %d more each that do not match".formatted(FURTHER), Benchmark.median(crowdedRates))
                .row("the ratio, of the rounds", Benchmark.median(ratios))
                .print();
    }
}
