package dev.postrider.queue;

import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.UUID;
import org.apache.camel.component.sql.RowMapperFactory;
import org.springframework.jdbc.core.RowMapper;

/**
 * Reads what the route {@code claim} has claimed: Camel's maps by column cost more than all else that is done with a row.
 *
 * <p>The route names this class. As a bean it would be every {@code sql:} endpoint's.
 */
public final class ClaimRows implements RowMapperFactory {

    @Override
    public RowMapper<?> newColumnRowMapper() {
        return (row, n) -> read(row);
    }

    private static ClaimRow read(ResultSet row) throws SQLException {
        UUID task = row.getObject("task_id", UUID.class);
        UUID workspace = row.getObject("workspace_id", UUID.class);
        if (task != null) {
            return new ClaimedTask(
                    task,
                    workspace,
                    row.getString("task_type"),
                    row.getString("payload"),
                    row.getInt("attempt_count"),
                    row.getInt("failure_count"),
                    row.getInt("priority_rank"),
                    Duration.ofMillis(row.getLong("age")),
                    Duration.of(row.getLong("waited"), ChronoUnit.MICROS));
        }
        if (workspace != null) {
            return new ClaimRow.WalkEnd(row.getString("task_type"), workspace);
        }
        long due = row.getLong("next_due");
        return new ClaimRow.NextClaim(
                row.wasNull() ? -1 : due,
                Instant.EPOCH.plus(row.getLong("waited"), ChronoUnit.MICROS),
                Duration.ofMillis(row.getLong("age")));
    }

    @Override
    public RowMapper<?> newBeanRowMapper(Class<?> mappedClass) {
        throw new UnsupportedOperationException("The route claim reads rows of claim_tasks; take its outputClass away");
    }
}
