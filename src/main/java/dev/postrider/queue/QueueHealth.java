package dev.postrider.queue;

import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.LongSupplier;
import javax.sql.DataSource;
import org.apache.camel.CamelContext;
import org.apache.camel.ServiceStatus;
import org.springframework.boot.actuate.health.Health;
import org.springframework.boot.actuate.health.HealthIndicator;

/**
 * Tells a database that is away from a queue that is stuck: tasks that nothing holds back are due, a handler on this node
 * has room for them, and none was claimed for it.
 *
 * <p>What an operator stopped or paused, what a limit holds back and what no node handles is not stuck. Fed by the route
 * {@code measure}; may be called by any thread, and asks the database only whether it answers.
 */
public final class QueueHealth implements HealthIndicator {

    /** @param seconds for how long the oldest task has been due */
    private record Stuck(String taskType, long seconds) {}

    private final DataSource database;
    private final Handlers handlers;
    private final CamelContext camel;
    private final Duration patience;
    private final LongSupplier nanoseconds;
    private volatile Optional<Stuck> stuck = Optional.empty();
    private long begun;

    /** @param nanoseconds a clock that only counts */
    QueueHealth(
            DataSource database, Handlers handlers, CamelContext camel, Duration patience, LongSupplier nanoseconds) {
        this.database = database;
        this.handlers = handlers;
        this.camel = camel;
        this.patience = patience;
        this.nanoseconds = nanoseconds;
    }

    /** A reading begins. It may take long, and its answer tells how things are now. */
    public void reading() {
        begun = nanoseconds.getAsLong();
    }

    /** @param rows of {@code queue-state.sql} */
    public void state(List<Map<String, Object>> rows) {
        Duration inVain = patience.plusNanos(nanoseconds.getAsLong() - begun);
        stuck = claims()
                ? rows.stream()
                        .filter(row -> Boolean.TRUE.equals(row.get("declared")))
                        .map(row -> new Stuck((String) row.get("task_type"), ((Number) row.get("oldest")).longValue()))
                        .filter(type ->
                                type.seconds() >= patience.toSeconds() && handlers.waitsInVain(type.taskType(), inVain))
                        .max(Comparator.comparing(Stuck::seconds))
                : Optional.empty();
    }

    /** What the last reading found. */
    boolean isStuck() {
        return stuck.isPresent();
    }

    @Override
    public Health health() {
        try (Connection connection = database.getConnection()) {
            if (!connection.isValid(3)) {
                return databaseDown("it does not answer");
            }
        } catch (SQLException e) {
            return databaseDown(ErrorText.of(e));
        }
        return stuck.map(type -> Health.down()
                        .withDetail("reason", "queue stuck")
                        .withDetail("taskType", type.taskType())
                        .withDetail("oldest", type.seconds())
                        .build())
                .orElseGet(() -> Health.up().build());
    }

    private static Health databaseDown(String error) {
        return Health.down()
                .withDetail("reason", "database")
                .withDetail("error", error)
                .build();
    }

    /** Operators may stop the route that claims. */
    private boolean claims() {
        ServiceStatus status = camel.getRouteController().getRouteStatus("claim");
        return status != null && status.isStarted();
    }
}
