package dev.postrider.operations;

import dev.postrider.database.SqlFile;
import java.util.List;
import java.util.UUID;
import org.springframework.jdbc.core.JdbcTemplate;
import org.springframework.jmx.export.annotation.ManagedOperation;
import org.springframework.jmx.export.annotation.ManagedOperationParameter;
import org.springframework.jmx.export.annotation.ManagedResource;
import org.springframework.transaction.support.TransactionTemplate;

/** Lets operators look at the books of all workspaces, and acknowledge what they do not explain; audited. */
@ManagedResource(
        objectName = "dev.postrider:type=Books",
        description = "What was accepted and where it is now, and what is unaccounted for")
public class BookOperations {

    private static final int MOST_LISTED = 1_000;
    private static final String ACCOUNTING = SqlFile.read("queries/operations/list-accounting.sql");
    private static final String FINDINGS = SqlFile.read("queries/operations/list-findings.sql");
    private static final String ENTER = SqlFile.read("queries/operations/enter-no-workspace.sql");

    private final JdbcTemplate operator;
    private final TransactionTemplate transaction;

    BookOperations(JdbcTemplate operator, TransactionTemplate transaction) {
        this.operator = operator;
        this.transaction = transaction;
    }

    @ManagedOperation(
            description =
                    "What was accepted and where it is now, one line per workspace and kind; those that differ first")
    @ManagedOperationParameter(name = "limit", description = "How many lines at most, 1 to 1000")
    public List<String> accounting(int limit) {
        return operator.query(
                ACCOUNTING,
                (row, n) ->
                        "%s  %s  accepted %d  completed %d  dead %d  discarded %d  cancelled %d  waiting %d  running %d  unaccounted %d"
                                .formatted(
                                        row.getString("workspace_id"),
                                        row.getString("kind"),
                                        row.getLong("accepted"),
                                        row.getLong("completed"),
                                        row.getLong("dead_lettered"),
                                        row.getLong("discarded"),
                                        row.getLong("cancelled"),
                                        row.getLong("waiting"),
                                        row.getLong("running"),
                                        row.getLong("unaccounted")),
                limited(limit));
    }

    @ManagedOperation(
            description =
                    "The tasks that the books do not explain, open findings first: workspace, id, kind, what, when")
    @ManagedOperationParameter(name = "limit", description = "How many at most, 1 to 1000")
    public List<String> findings(int limit) {
        return operator.query(
                FINDINGS,
                (row, n) -> "%s  %s  %s  %s  accepted %s  found %s  %s"
                        .formatted(
                                row.getString("workspace_id"),
                                row.getString("task_id"),
                                row.getString("kind"),
                                row.getString("what"),
                                row.getString("accepted"),
                                row.getString("found"),
                                row.getString("state")),
                limited(limit));
    }

    @ManagedOperation(description = "Accepts that a task is lost, or was never accepted: the books agree without it")
    @ManagedOperationParameter(name = "workspaceId", description = "The workspace, as findings shows it")
    @ManagedOperationParameter(name = "taskId", description = "The task, as findings shows it")
    @ManagedOperationParameter(name = "reason", description = "Why; kept in the audit trail and required")
    public String acknowledge(String workspaceId, String taskId, String reason) {
        UUID workspace = id(workspaceId);
        UUID task = id(taskId);
        transaction.executeWithoutResult(status -> {
            operator.query(ENTER, row -> {}, AuditTrail.actor());
            operator.query("select postrider.acknowledge_finding(?, ?, ?)", row -> {}, workspace, task, reason);
        });
        return "the finding about task %s is acknowledged".formatted(task);
    }

    private static int limited(int limit) {
        return Math.max(1, Math.min(limit, MOST_LISTED));
    }

    private static UUID id(String text) {
        try {
            return UUID.fromString(text.strip());
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException("\"%s\" is no id; use one that findings shows".formatted(text));
        }
    }
}
