package dev.postrider.retention;

import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.springframework.boot.actuate.health.Health;
import org.springframework.boot.actuate.health.HealthIndicator;

/**
 * Shows what the route {@code retention.measure} last read: whether there are partitions ahead, and whether the routine runs.
 *
 * <p>Health is {@code UNKNOWN} when it is not as it should be, never {@code DOWN}: inserts make their partitions themselves,
 * and the node works. May be called by any thread.
 */
public final class RetentionState implements HealthIndicator {

    private static final double UNCHECKED_TOO_LONG = Duration.ofDays(2).toSeconds();
    private static final double AHEAD_TOO_SHORT = Duration.ofHours(12).toSeconds();

    private volatile double ahead = Double.NaN;
    private volatile double unchecked = Double.NaN;

    RetentionState(MeterRegistry registry) {
        Gauge.builder("postrider.partitions.ahead", this, state -> state.ahead)
                .baseUnit("seconds")
                .register(registry);
        Gauge.builder("postrider.partitions.unchecked", this, state -> state.unchecked)
                .baseUnit("seconds")
                .register(registry);
    }

    /** @param rows one row of {@code retention-state.sql} */
    public void measured(List<Map<String, Object>> rows) {
        ahead = seconds(rows.get(0).get("ahead"));
        unchecked = seconds(rows.get(0).get("unchecked"));
    }

    private static double seconds(Object value) {
        return value instanceof Number number ? number.doubleValue() : Double.NaN;
    }

    @Override
    public Health health() {
        if (ahead < AHEAD_TOO_SHORT) {
            return unknown("the last partition ends soon, or has ended: inserts make their own");
        }
        return unchecked > UNCHECKED_TOO_LONG
                ? unknown("partitions were not looked after for two days: see the log of the route retention")
                : Health.up().build();
    }

    private static Health unknown(String reason) {
        return Health.unknown().withDetail("reason", reason).build();
    }
}
