package dev.postrider.bench;

import dev.postrider.bench.Deliveries.Arrival;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.UUID;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/** What do deliveries feel of endpoints elsewhere that give no answer? */
public final class HangingBenchmark {

    private static final int[] ENDPOINTS = {100, 1_000};
    /** One in so many hangs. */
    private static final int SHARE = 100;

    private static final int PER_SECOND = Benchmark.setting("rate", 500);
    private static final int ROUNDS = Benchmark.setting("rounds", 3);
    /** Longer than two timeouts of an endpoint: the node has met what hangs, and gone on to the next. */
    private static final int SECONDS = Benchmark.setting("seconds", 40);

    private HangingBenchmark() {}

    public static void main(String[] arguments) {
        Benchmark.main(() -> {
            try (Deliveries deliveries = new Deliveries()) {
                Benchmark.print(
                        "%n## Hanging: %d events per second, each of %d s, to endpoints of which one in %d hangs%n%n%s",
                        PER_SECOND, SECONDS, SHARE, deliveries.server().describe());
                for (int endpoints : ENDPOINTS) {
                    measure(deliveries, deliveries.workspaces(endpoints, 0));
                }
            }
        });
    }

    private static void measure(Deliveries deliveries, List<UUID> workspaces) throws Exception {
        List<Arrival> calm = new ArrayList<>();
        List<Arrival> disturbed = new ArrayList<>();
        double[] ratios = new double[ROUNDS];
        int hung = 0;
        deliveries.paced(workspaces, PER_SECOND, 10, Set.of()); // warms up
        int share = workspaces.size() / SHARE;
        for (int round = 0; round < ROUNDS; round++) {
            // Others each time: what the node has learned of those before is of no use to it.
            Set<Integer> hanging =
                    IntStream.range(round * share, (round + 1) * share).boxed().collect(Collectors.toSet());
            // Those of before are still slowed down for a while, with reason.
            Set<Integer> hungOnce =
                    IntStream.range(0, (round + 1) * share).boxed().collect(Collectors.toSet());
            List<Arrival> without = others(deliveries.paced(workspaces, PER_SECOND, SECONDS, Set.of()), hungOnce);
            List<Arrival> all = deliveries.paced(workspaces, PER_SECOND, SECONDS, hanging);
            List<Arrival> with = others(all, hungOnce);
            hung += all.size() - with.size();
            ratios[round] =
                    Benchmark.quantile(0.99, milliseconds(with)) / Benchmark.quantile(0.99, milliseconds(without));
            calm.addAll(without);
            disturbed.addAll(with);
        }
        Table.ofTimes("%d rounds, to the others of %,d endpoints".formatted(ROUNDS, workspaces.size()))
                .times("none hangs", milliseconds(calm))
                .times("hanging: %d, with %,d events".formatted(share, hung), milliseconds(disturbed))
                .print();
        // Beside a node that cannot keep up anyway nothing would look slow.
        Benchmark.atMost("p99 when none hangs, ms", Benchmark.quantile(0.99, milliseconds(calm)), 250);
        Benchmark.atMost(
                "p99 with %d hanging beside none, the median of the rounds".formatted(share),
                Benchmark.median(ratios),
                2);
    }

    private static List<Arrival> others(List<Arrival> arrivals, Set<Integer> hanging) {
        return arrivals.stream()
                .filter(arrival -> !hanging.contains(arrival.endpoint()))
                .toList();
    }

    private static double[] milliseconds(List<Arrival> arrivals) {
        return arrivals.stream().mapToDouble(Arrival::sinceDue).toArray();
    }
}
