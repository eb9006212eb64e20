package dev.postrider.outbound;

import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.MeterRegistry;
import java.util.EnumMap;
import java.util.Map;

/** Counts attempts to deliver by their outcome; all outcomes are there from the start, so that a rate can be taken. */
final class DeliveryMeters {

    private final Map<DeliveryOutcome, Counter> counters = new EnumMap<>(DeliveryOutcome.class);

    DeliveryMeters(MeterRegistry registry) {
        for (DeliveryOutcome outcome : DeliveryOutcome.values()) {
            counters.put(
                    outcome,
                    Counter.builder("postrider.delivery")
                            .description("attempts to deliver")
                            .tag("outcome", outcome.tag())
                            .register(registry));
        }
    }

    void count(DeliveryOutcome outcome) {
        counters.get(outcome).increment();
    }
}
