package dev.postrider.database;

import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import java.util.List;
import java.util.Map;
import org.apache.camel.ExchangeException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.boot.actuate.health.Health;
import org.springframework.boot.actuate.health.HealthIndicator;
import org.springframework.core.NestedExceptionUtils;

/**
 * Shows what the route {@code measure.replica} last saw: the lag, and the health of analytics.
 *
 * <p>A replica that fails is {@code UNKNOWN}, never {@code DOWN}: the work goes on without it, so it must not take the
 * whole node out of service. May be called by any thread.
 */
public final class ReplicaState implements HealthIndicator {

    private static final Logger log = LoggerFactory.getLogger(ReplicaState.class);

    private final MeterRegistry registry;
    private final boolean set;
    private volatile double lag = Double.NaN;
    private volatile Health health;

    /** @param set whether there is a replica to measure */
    ReplicaState(MeterRegistry registry, boolean set) {
        this.registry = registry;
        this.set = set;
        this.health = set
                ? Health.unknown().build()
                : Health.up().withDetail("replica", "none is set").build();
    }

    /** Whether there is a replica to measure. */
    public boolean isSet() {
        return set;
    }

    /** @param rows what {@code replica-lag.sql} answered: one row, or none where the replica is a primary */
    public synchronized void measured(List<Map<String, Object>> rows) {
        if (rows.isEmpty()) {
            health = Health.up()
                    .withDetail("replica", "none: the url is that of a primary")
                    .build();
            return;
        }
        if (health.getDetails().containsKey("error")) {
            log.info("The replica is back");
        }
        lag = rows.get(0).get("lag") instanceof Number seconds ? seconds.doubleValue() : Double.NaN;
        show();
        health = Health.up().withDetail("lag", lag).build();
    }

    /** Told of each failure to measure; the first of a row is logged. */
    public synchronized void failed(@ExchangeException Exception failure) {
        String error = String.valueOf(
                NestedExceptionUtils.getMostSpecificCause(failure).getMessage());
        if (!health.getDetails().containsKey("error")) {
            log.warn("{}", error);
        }
        lag = Double.NaN;
        show();
        health = Health.unknown().withDetail("error", error).build();
    }

    @Override
    public Health health() {
        return health;
    }

    /** Only once there is a replica: without one the meter is absent, not 0. Registering again changes nothing. */
    private void show() {
        Gauge.builder("postrider.replica.lag", this, state -> state.lag)
                .baseUnit("seconds")
                .register(registry);
    }
}
