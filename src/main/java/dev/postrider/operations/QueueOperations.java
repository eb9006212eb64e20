package dev.postrider.operations;

import dev.postrider.database.SqlFile;
import java.time.Instant;
import java.time.format.DateTimeParseException;
import java.util.List;
import java.util.UUID;
import org.springframework.jdbc.core.JdbcTemplate;
import org.springframework.jmx.export.annotation.ManagedOperation;
import org.springframework.jmx.export.annotation.ManagedOperationParameter;
import org.springframework.jmx.export.annotation.ManagedResource;
import org.springframework.transaction.support.TransactionTemplate;

/** Lets operators look at the queue and at the nodes, and pause task types and workspaces on all of them; audited. */
@ManagedResource(
        objectName = "dev.postrider:type=Queue",
        description = "What waits and runs, who works, and what is paused, on all nodes")
public class QueueOperations {

    private static final int MOST_LISTED = 1_000;
    private static final String DEPTHS = SqlFile.read("queries/operations/queue-depths.sql");
    private static final String NODES = SqlFile.read("queries/operations/list-nodes.sql");
    private static final String RUNNING = SqlFile.read("queries/operations/list-running-tasks.sql");
    private static final String LIMITS = SqlFile.read("queries/operations/list-workspace-limits.sql");
    private static final String ENTER = SqlFile.read("queries/operations/enter-no-workspace.sql");

    private final JdbcTemplate operator;
    private final TransactionTemplate transaction;

    QueueOperations(JdbcTemplate operator, TransactionTemplate transaction) {
        this.operator = operator;
        this.transaction = transaction;
    }

    @ManagedOperation(
            description = "What waits and runs per task type: how many, for how long the oldest has been due, pauses")
    public List<String> depths() {
        return operator.query(
                DEPTHS,
                (row, n) -> "%s  waiting %d (held back %d)  running %d  oldest %d s  %s"
                        .formatted(
                                row.getString("task_type"),
                                row.getLong("waiting"),
                                row.getLong("held_back"),
                                row.getLong("running"),
                                row.getLong("oldest"),
                                row.getString("remark"))
                        .strip());
    }

    @ManagedOperation(description = "The tasks that run, longest first, with what their handlers say of their progress")
    @ManagedOperationParameter(name = "limit", description = "How many at most, 1 to 1000")
    public List<String> running(int limit) {
        return operator.query(
                RUNNING,
                (row, n) -> "%s  %s  %s  on %s since %s  attempt %d  %s"
                        .formatted(
                                row.getString("task_id"),
                                row.getString("workspace_id"),
                                row.getString("task_type"),
                                row.getString("worker_id"),
                                row.getString("claimed"),
                                row.getInt("attempt_count"),
                                row.getString("progress"))
                        .strip(),
                Math.max(1, Math.min(limit, MOST_LISTED)));
    }

    @ManagedOperation(description = "The nodes that live, and when each last said so; silent for 20 s it is dead")
    public List<String> nodes() {
        return operator.query(
                NODES,
                (row, n) -> "%s  on %s since %s  last heartbeat %s, %d s ago"
                        .formatted(
                                row.getString("node_id"),
                                row.getString("host"),
                                row.getString("started"),
                                row.getString("heartbeat"),
                                row.getLong("silent")));
    }

    @ManagedOperation(description = "The limits and the pause of a workspace, and how many tasks count for each now")
    @ManagedOperationParameter(name = "workspaceId", description = "The workspace")
    public List<String> limits(String workspaceId) {
        return operator.query(
                LIMITS,
                (row, n) -> "%s  running %d of %s  per second %s  %s"
                        .formatted(
                                row.getString("limit_key").isEmpty()
                                        ? "the whole workspace"
                                        : row.getString("limit_key"),
                                row.getLong("running"),
                                row.getString("max_running"),
                                row.getString("rate"),
                                row.getString("paused"))
                        .strip(),
                id(workspaceId));
    }

    @ManagedOperation(description = "No node claims tasks of this type any more; what runs goes on")
    @ManagedOperationParameter(name = "taskType", description = "The type")
    @ManagedOperationParameter(
            name = "until",
            description = "A time such as 2030-01-31T12:00:00Z; empty: until resumed")
    @ManagedOperationParameter(name = "reason", description = "Why; kept in the audit trail and required")
    public String pauseTaskType(String taskType, String until, String reason) {
        act("select postrider.pause_task_type(?, ?, ?::timestamptz)", taskType.strip(), reason, moment(until));
        return "%s is paused on all nodes".formatted(taskType.strip());
    }

    @ManagedOperation(description = "Nodes claim tasks of this type again")
    @ManagedOperationParameter(name = "taskType", description = "The type")
    @ManagedOperationParameter(name = "reason", description = "Why; kept in the audit trail and required")
    public String resumeTaskType(String taskType, String reason) {
        act("select postrider.resume_task_type(?, ?)", taskType.strip(), reason);
        return "%s is not paused any more".formatted(taskType.strip());
    }

    @ManagedOperation(
            description = "No node claims tasks or deliveries of this workspace any more; its keys and sources work on")
    @ManagedOperationParameter(name = "workspaceId", description = "The workspace")
    @ManagedOperationParameter(
            name = "until",
            description = "A time such as 2030-01-31T12:00:00Z; empty: until resumed")
    @ManagedOperationParameter(name = "reason", description = "Why; kept in the audit trail and required")
    public String pauseWorkspace(String workspaceId, String until, String reason) {
        act("select postrider.pause_workspace(?, ?, ?::timestamptz)", id(workspaceId), reason, moment(until));
        return "workspace %s is paused on all nodes".formatted(workspaceId.strip());
    }

    @ManagedOperation(description = "Nodes claim tasks and deliveries of this workspace again")
    @ManagedOperationParameter(name = "workspaceId", description = "The workspace")
    @ManagedOperationParameter(name = "reason", description = "Why; kept in the audit trail and required")
    public String resumeWorkspace(String workspaceId, String reason) {
        act("select postrider.resume_workspace(?, ?)", id(workspaceId), reason);
        return "workspace %s is not paused any more".formatted(workspaceId.strip());
    }

    private void act(String call, Object... arguments) {
        transaction.executeWithoutResult(status -> {
            operator.query(ENTER, row -> {}, AuditTrail.actor());
            operator.query(call, row -> {}, arguments);
        });
    }

    private static String moment(String until) {
        if (until == null || until.isBlank()) {
            return "infinity";
        }
        try {
            return Instant.parse(until.strip()).toString();
        } catch (DateTimeParseException e) {
            throw new IllegalArgumentException(
                    "until: \"%s\" is no time in UTC; write one such as 2030-01-31T12:00:00Z, or nothing"
                            .formatted(until));
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
