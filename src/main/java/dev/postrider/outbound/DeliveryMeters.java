package dev.postrider.outbound;

import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Timer;
import java.time.Duration;
import java.util.EnumMap;
import java.util.Map;
import java.util.function.Supplier;
import java.util.function.ToDoubleFunction;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.apache.hc.core5.pool.PoolStats;

/** Counts and times attempts to deliver; all tags are there from the start, so that a rate can be taken. */
final class DeliveryMeters {

    private final Map<DeliveryOutcome, Counter> attempts = new EnumMap<>(DeliveryOutcome.class);
    private final Map<String, Counter> held;
    private final Map<String, Counter> changes;
    private final Counter throttled;
    private final Counter overlap;
    private final Timer duration;

    private final MeterRegistry registry;

    DeliveryMeters(MeterRegistry registry) {
        this.registry = registry;
        for (DeliveryOutcome outcome : DeliveryOutcome.values()) {
            attempts.put(
                    outcome,
                    Counter.builder("postrider.delivery")
                            .description("attempts to deliver")
                            .tag("outcome", outcome.tag())
                            .register(registry));
        }
        held = counters(
                registry,
                "postrider.delivery.held",
                "deliveries that were claimed and held back",
                "by",
                "circuit",
                "limit",
                "slow");
        changes = counters(
                registry, "postrider.endpoint", "what became of endpoints", "change", "opened", "closed", "disabled");
        throttled = Counter.builder("postrider.delivery.throttled")
                .description("answers with a Retry-After that was heeded")
                .register(registry);
        overlap = Counter.builder("postrider.delivery.overlap")
                .description("requests that a replaced secret signed, too")
                .register(registry);
        duration = Timer.builder("postrider.delivery.duration")
                .description("of requests to endpoints, their answers' bodies included")
                .publishPercentileHistogram()
                .minimumExpectedValue(Duration.ofMillis(1))
                .maximumExpectedValue(Duration.ofMinutes(1))
                .register(registry);
    }

    private static Map<String, Counter> counters(
            MeterRegistry registry, String name, String description, String tag, String... values) {
        return Stream.of(values)
                .collect(Collectors.toMap(
                        value -> value,
                        value -> Counter.builder(name)
                                .description(description)
                                .tag(tag, value)
                                .register(registry)));
    }

    /** Shows how many connections are in use, and how many deliveries wait for one. */
    void connections(Supplier<PoolStats> pool) {
        connections(pool, "leased", PoolStats::getLeased);
        connections(pool, "pending", PoolStats::getPending);
    }

    private void connections(Supplier<PoolStats> pool, String state, ToDoubleFunction<PoolStats> count) {
        Gauge.builder("postrider.delivery.connections", () -> count.applyAsDouble(pool.get()))
                .tag("state", state)
                .register(registry);
    }

    void count(DeliveryOutcome outcome) {
        attempts.get(outcome).increment();
    }

    void timed(Duration lasted) {
        duration.record(lasted);
    }

    /** @param by {@code circuit}, {@code limit} or {@code slow} */
    void held(String by) {
        held.get(by).increment();
    }

    void throttled() {
        throttled.increment();
    }

    void overlap() {
        overlap.increment();
    }

    /** @param change {@code opened}, {@code closed} or {@code disabled} */
    void endpoint(String change) {
        changes.get(change).increment();
    }
}
