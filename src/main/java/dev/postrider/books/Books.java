package dev.postrider.books;

import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.function.LongSupplier;
import org.springframework.boot.actuate.health.Health;
import org.springframework.boot.actuate.health.HealthIndicator;

/**
 * Shows what the route {@code reconcile} last read of the books: as a gauge, and as health, which is down while something is
 * unaccounted for.
 *
 * <p>Unknown before the first reading, and after five minutes without one. May be called by any thread.
 */
public final class Books implements HealthIndicator {

    private static final Duration PATIENCE = Duration.ofMinutes(5);

    /**
     * @param findings how many of the unaccounted are known by id
     * @param behind for how many seconds nothing was added to the totals; the rest is read each time
     * @param at nanoseconds of the clock
     */
    private record Reading(double unaccounted, long findings, long behind, long at) {}

    private final LongSupplier nanoseconds;
    private volatile Reading last;

    /** @param nanoseconds a clock that only counts */
    Books(MeterRegistry registry, LongSupplier nanoseconds) {
        this.nanoseconds = nanoseconds;
        last = new Reading(
                Double.NaN,
                0,
                0,
                nanoseconds.getAsLong() - PATIENCE.plusSeconds(1).toNanos());
        Gauge.builder("postrider.unaccounted", this, books -> books.last.unaccounted())
                .register(registry);
    }

    /** @param rows of {@code read-books.sql}: one */
    public void read(List<Map<String, Object>> rows) {
        Map<String, Object> row = rows.get(0);
        last = new Reading(
                ((Number) row.get("unaccounted")).doubleValue(),
                ((Number) row.get("findings")).longValue(),
                (long) Math.min(Long.MAX_VALUE, ((Number) row.get("behind")).doubleValue()),
                nanoseconds.getAsLong());
    }

    @Override
    public Health health() {
        Reading reading = last;
        if (nanoseconds.getAsLong() - reading.at() > PATIENCE.toNanos()) {
            return Health.unknown()
                    .withDetail("reason", "the route reconcile has not read the books for five minutes")
                    .build();
        }
        return (reading.unaccounted() == 0 ? Health.up() : Health.down())
                .withDetail("unaccounted", (long) reading.unaccounted())
                .withDetail("findings", reading.findings())
                .withDetail("behind", reading.behind())
                .build();
    }
}
