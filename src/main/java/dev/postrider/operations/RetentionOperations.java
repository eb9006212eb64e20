package dev.postrider.operations;

import dev.postrider.database.SqlFile;
import dev.postrider.retention.PartitionRoutine;
import java.util.List;
import java.util.UUID;
import org.springframework.jdbc.core.JdbcTemplate;
import org.springframework.jmx.export.annotation.ManagedOperation;
import org.springframework.jmx.export.annotation.ManagedOperationParameter;
import org.springframework.jmx.export.annotation.ManagedResource;
import org.springframework.transaction.support.TransactionTemplate;

/** Lets operators say how long the partitions of each table are kept, and whose rows are kept longer; audited. */
@ManagedResource(
        objectName = "dev.postrider:type=Retention",
        description = "How long partitions are kept, and whose rows are kept longer")
public class RetentionOperations {

    private static final String SETTINGS = SqlFile.read("queries/operations/list-retention.sql");
    private static final String HOLDS = SqlFile.read("queries/operations/list-holds.sql");
    private static final String ENTER = SqlFile.read("queries/operations/enter-no-workspace.sql");

    private final JdbcTemplate operator;
    private final TransactionTemplate transaction;
    private final PartitionRoutine routine;

    RetentionOperations(JdbcTemplate operator, TransactionTemplate transaction, PartitionRoutine routine) {
        this.operator = operator;
        this.transaction = transaction;
        this.routine = routine;
    }

    @ManagedOperation(description = "What is kept of each partitioned table, and how far its partitions go")
    public List<String> settings() {
        return operator.query(
                SETTINGS,
                (row, n) ->
                        "%s  by %s, %d ahead, kept %s  %d partitions from %s to %s, %d dropped  last looked after %s"
                                .formatted(
                                        row.getString("table_name"),
                                        row.getString("partition_by"),
                                        row.getInt("ahead"),
                                        row.getString("keep"),
                                        row.getLong("partitions"),
                                        row.getString("first"),
                                        row.getString("until"),
                                        row.getLong("dropped"),
                                        row.getString("checked")));
    }

    @ManagedOperation(description = "Drops partitions of this table when all in them is older, within the hour")
    @ManagedOperationParameter(name = "table", description = "Such as system_events")
    @ManagedOperationParameter(name = "days", description = "1 to 36500; empty: for ever")
    @ManagedOperationParameter(name = "reason", description = "Why; kept in the audit trail and required")
    public String keep(String table, String days, String reason) {
        Integer number = days.isBlank() ? null : number("days", days);
        act("select postrider.set_retention(?, ?::int, ?)", table.strip(), number, reason);
        return "%s is kept %s".formatted(table.strip(), number == null ? "for ever" : number + " days");
    }

    @ManagedOperation(description = "Makes the partitions of this table by day or by month from now on")
    @ManagedOperationParameter(name = "table", description = "Such as system_events")
    @ManagedOperationParameter(name = "partitionBy", description = "day or month, in UTC")
    @ManagedOperationParameter(name = "ahead", description = "How many are made ahead, 1 to 366")
    @ManagedOperationParameter(name = "reason", description = "Why; kept in the audit trail and required")
    public String partition(String table, String partitionBy, String ahead, String reason) {
        act(
                "select postrider.set_retention(?, (select keep_days from postrider.retention_settings where table_name = ?), ?, ?, ?::int)",
                table.strip(),
                table.strip(),
                reason,
                partitionBy.strip(),
                number("ahead", ahead));
        return "%s is partitioned by %s".formatted(table.strip(), partitionBy.strip());
    }

    @ManagedOperation(description = "The workspaces whose rows are kept when partitions are dropped")
    public List<String> holds() {
        return operator.query(
                HOLDS,
                (row, n) -> "%s  since %s by %s: %s"
                        .formatted(
                                row.getString("workspace_id"),
                                row.getString("held"),
                                row.getString("actor"),
                                row.getString("reason")));
    }

    @ManagedOperation(
            description = "Keeps the rows of this workspace when partitions are dropped, and refuses its erasure")
    @ManagedOperationParameter(name = "workspaceId", description = "The workspace")
    @ManagedOperationParameter(name = "reason", description = "Why; kept in the audit trail and required")
    public String hold(String workspaceId, String reason) {
        act("select postrider.hold_workspace(?, ?)", id(workspaceId), reason);
        return "workspace %s is under a hold".formatted(workspaceId.strip());
    }

    @ManagedOperation(description = "Ends the hold of a workspace; what was copied under it stays in held_rows")
    @ManagedOperationParameter(name = "workspaceId", description = "The workspace")
    @ManagedOperationParameter(name = "reason", description = "Why; kept in the audit trail and required")
    public String release(String workspaceId, String reason) {
        act("select postrider.release_workspace(?, ?)", id(workspaceId), reason);
        return "workspace %s is under no hold any more".formatted(workspaceId.strip());
    }

    @ManagedOperation(description = "Makes and drops partitions now, instead of within the hour")
    public List<String> run() {
        routine.run();
        return settings();
    }

    private void act(String call, Object... arguments) {
        transaction.executeWithoutResult(status -> {
            operator.query(ENTER, row -> {}, AuditTrail.actor());
            operator.query(call, row -> {}, arguments);
        });
    }

    private static int number(String name, String text) {
        try {
            return Integer.parseInt(text.strip());
        } catch (NumberFormatException e) {
            throw new IllegalArgumentException("%s: \"%s\" is no whole number".formatted(name, text));
        }
    }

    private static UUID id(String text) {
        try {
            return UUID.fromString(text.strip());
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException("workspaceId: \"%s\" is no id of a workspace".formatted(text));
        }
    }
}
