package dev.postrider.retention;

import dev.postrider.database.OwnerConnections;
import dev.postrider.database.SqlFile;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.HashSet;
import java.util.Optional;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Makes partitions ahead and drops old ones, on one node at a time.
 *
 * <p>The database says what is next ({@code next_retention_step}), and is asked again after each statement: whoever runs it
 * after one that was cut off goes on where that stopped. Each statement is a transaction of its own, and waits only so
 * long for a lock; none takes one that an insert waits for. Safe for any thread.
 */
public final class PartitionRoutine {

    private static final Logger LOG = LoggerFactory.getLogger(PartitionRoutine.class);

    private static final String NEXT = SqlFile.read("queries/next-retention-step.sql");

    private final OwnerConnections owner;
    private final Duration lockTimeout;

    /** @param lockTimeout for how long a statement waits for a lock before it is passed over */
    PartitionRoutine(OwnerConnections owner, Duration lockTimeout) {
        this.owner = owner;
        this.lockTimeout = lockTimeout;
    }

    /**
     * What comes next.
     *
     * @param subject the table or partition that it is about
     * @param statement to be run outside of a transaction
     */
    private record Step(String subject, String statement) {}

    /** Does what is due; returns at once if another node does it. What fails is logged, passed over, and tried by the next run. */
    public void run() {
        try (Connection connection = owner.open();
                Statement statement = connection.createStatement()) {
            statement.execute("set lock_timeout = " + lockTimeout.toMillis());
            // Of the session: it ends with the connection, however that ends.
            try (ResultSet row = statement.executeQuery("select pg_try_advisory_lock(7077350513414132583)")) {
                row.next();
                if (!row.getBoolean(1)) {
                    return;
                }
            }
            if (doAll(connection, statement)) {
                statement.execute("select postrider.retention_checked()");
            }
        } catch (SQLException e) {
            LOG.warn("Partitions could not be looked after, and will be in an hour: {}", e.getMessage());
        }
    }

    private static boolean doAll(Connection connection, Statement statement) throws SQLException {
        Set<String> passedOver = new HashSet<>();
        Set<Step> done = new HashSet<>();
        for (Optional<Step> next = next(connection, passedOver);
                next.isPresent();
                next = next(connection, passedOver)) {
            Step step = next.get();
            if (!done.add(step)) {
                LOG.error("{} changed nothing; {} is passed over", step.statement(), step.subject());
                passedOver.add(step.subject());
                continue;
            }
            try {
                statement.execute(step.statement());
                LOG.info("Partitions: {}", step.statement());
            } catch (SQLException e) {
                if (!connection.isValid(5)) {
                    throw e;
                }
                LOG.warn(
                        "{} failed, and is tried again in an hour: {}. If it waits for a lock, look which transaction is open",
                        step.statement(),
                        e.getMessage());
                passedOver.add(step.subject());
            }
        }
        return passedOver.isEmpty();
    }

    private static Optional<Step> next(Connection connection, Set<String> passedOver) throws SQLException {
        try (PreparedStatement query = connection.prepareStatement(NEXT)) {
            query.setArray(1, connection.createArrayOf("text", passedOver.toArray()));
            try (ResultSet row = query.executeQuery()) {
                return row.next()
                        ? Optional.of(new Step(row.getString("subject"), row.getString("statement")))
                        : Optional.empty();
            }
        }
    }
}
