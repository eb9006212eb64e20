package dev.postrider.operations;

import dev.postrider.database.SqlFile;
import java.util.List;
import java.util.UUID;
import java.util.function.Function;
import org.springframework.jdbc.core.JdbcTemplate;
import org.springframework.jmx.export.annotation.ManagedOperation;
import org.springframework.jmx.export.annotation.ManagedOperationParameter;
import org.springframework.jmx.export.annotation.ManagedResource;
import org.springframework.transaction.support.TransactionTemplate;

/** Lets operators look at the dead letters of all workspaces, replay and discard them; every action is audited. */
@ManagedResource(
        objectName = "dev.postrider:type=DeadLetters",
        description =
                "Tasks and deliveries that exhausted their redeliveries: list, inspect, replay, discard, one or many")
public class DeadLetterOperations {

    private static final String FILTER =
            "JSON: {\"all\": true}, or any of workspaceId, taskType, kind, deadFrom, deadTo, deadLetterIds,"
                    + " errorContains, endpointId; all workspaces unless workspaceId is given";
    private static final int MOST_LISTED = 1_000;
    private static final String LIST = SqlFile.read("queries/operations/list-dead-letters.sql");
    private static final String INSPECT = SqlFile.read("queries/operations/inspect-dead-letter.sql");
    private static final String ENTER = SqlFile.read("queries/operations/enter-workspace-of-dead-letter.sql");
    private static final String REPLAYS = SqlFile.read("queries/operations/list-replays.sql");

    private final JdbcTemplate operator;
    private final TransactionTemplate transaction;

    DeadLetterOperations(JdbcTemplate operator, TransactionTemplate transaction) {
        this.operator = operator;
        this.transaction = transaction;
    }

    @ManagedOperation(
            description =
                    "The newest dead letters, one line each: id, workspace, kind, type, failures, when, last error")
    @ManagedOperationParameter(name = "limit", description = "How many at most, 1 to 1000")
    public List<String> list(int limit) {
        return operator.query(
                LIST,
                (row, n) -> "%s  %s  %s  %s  failed %d times  %s  %s"
                        .formatted(
                                row.getString("dead_letter_id"),
                                row.getString("workspace_id"),
                                row.getString("kind"),
                                row.getString("task_type"),
                                row.getInt("failure_count"),
                                row.getString("dead_at"),
                                row.getString("last_error")),
                Math.max(1, Math.min(limit, MOST_LISTED)));
    }

    @ManagedOperation(
            description = "All of one dead letter, with every attempt; of a delivery with request and response")
    @ManagedOperationParameter(name = "deadLetterId", description = "The id, as list shows it")
    public String inspect(String deadLetterId) {
        List<String> found = operator.queryForList(INSPECT, String.class, id(deadLetterId));
        if (found.isEmpty()) {
            throw missing(deadLetterId);
        }
        return found.get(0);
    }

    @ManagedOperation(description = "Puts its task back to waiting, with the same id and failures 0")
    @ManagedOperationParameter(name = "deadLetterId", description = "The id, as list shows it")
    @ManagedOperationParameter(name = "reason", description = "Why; kept in the audit trail and required")
    public String replay(String deadLetterId, String reason) {
        return inItsWorkspace(
                deadLetterId,
                id -> "task %s waits again"
                        .formatted(operator.queryForObject(
                                "select postrider.replay_dead_letter(?, ?)", String.class, id, reason)));
    }

    @ManagedOperation(description = "Gives it up for good")
    @ManagedOperationParameter(name = "deadLetterId", description = "The id, as list shows it")
    @ManagedOperationParameter(name = "reason", description = "Why; kept in the audit trail and required")
    public String discard(String deadLetterId, String reason) {
        return inItsWorkspace(deadLetterId, id -> {
            operator.query("select postrider.discard_dead_letter(?, ?)", row -> {}, id, reason);
            return "discarded";
        });
    }

    @ManagedOperation(description = "Replays many in a job that every node can go on with; or only counts them")
    @ManagedOperationParameter(name = "filter", description = FILTER)
    @ManagedOperationParameter(name = "ratePerSecond", description = "So many at most; 0 is as fast as it goes")
    @ManagedOperationParameter(name = "dryRun", description = "true: count them and change nothing")
    @ManagedOperationParameter(name = "reason", description = "Why; kept in the audit trail and required")
    public String replayAll(String filter, int ratePerSecond, boolean dryRun, String reason) {
        return start("replay", filter, ratePerSecond, dryRun, reason);
    }

    @ManagedOperation(description = "Gives many up for good, in a job as replayAll; or only counts them")
    @ManagedOperationParameter(name = "filter", description = FILTER)
    @ManagedOperationParameter(name = "ratePerSecond", description = "So many at most; 0 is as fast as it goes")
    @ManagedOperationParameter(name = "dryRun", description = "true: count them and change nothing")
    @ManagedOperationParameter(name = "reason", description = "Why; kept in the audit trail and required")
    public String discardAll(String filter, int ratePerSecond, boolean dryRun, String reason) {
        return start("discard", filter, ratePerSecond, dryRun, reason);
    }

    @ManagedOperation(
            description = "The newest 200 jobs of replayAll, discardAll and the API, and how far each has come")
    public List<String> replays() {
        return operator.queryForList(REPLAYS, String.class);
    }

    @ManagedOperation(description = "Pauses a job")
    @ManagedOperationParameter(name = "replayId", description = "The id, as replays shows it")
    @ManagedOperationParameter(name = "reason", description = "Why; kept in the audit trail and required")
    public String pauseReplay(String replayId, String reason) {
        return change(replayId, "paused", reason);
    }

    @ManagedOperation(description = "Lets a paused job go on")
    @ManagedOperationParameter(name = "replayId", description = "The id, as replays shows it")
    @ManagedOperationParameter(name = "reason", description = "Why; kept in the audit trail and required")
    public String resumeReplay(String replayId, String reason) {
        return change(replayId, "running", reason);
    }

    @ManagedOperation(description = "Ends a job; what it has done stays done")
    @ManagedOperationParameter(name = "replayId", description = "The id, as replays shows it")
    @ManagedOperationParameter(name = "reason", description = "Why; kept in the audit trail and required")
    public String cancelReplay(String replayId, String reason) {
        return change(replayId, "cancelled", reason);
    }

    private String start(String action, String filter, int ratePerSecond, boolean dryRun, String reason) {
        return asActor(
                "select jsonb_pretty(postrider.start_replay_anywhere(?, ?::jsonb, nullif(?::double precision, 0), ?, ?))",
                action,
                filter,
                ratePerSecond,
                reason,
                dryRun);
    }

    private String change(String replayId, String status, String reason) {
        String changed =
                asActor("select jsonb_pretty(postrider.change_replay_anywhere(?, ?, ?))", id(replayId), status, reason);
        if (changed == null) {
            throw new IllegalArgumentException("There is no replay %s".formatted(replayId));
        }
        return changed;
    }

    private String asActor(String statement, Object... parameters) {
        return transaction.execute(status -> {
            operator.query("select set_config('app.actor', ?, true)", row -> {}, AuditTrail.actor());
            return operator.queryForObject(statement, String.class, parameters);
        });
    }

    private String inItsWorkspace(String deadLetterId, Function<UUID, String> action) {
        UUID id = id(deadLetterId);
        return transaction.execute(status -> {
            if (operator.queryForList(ENTER, AuditTrail.actor(), id).isEmpty()) {
                throw missing(deadLetterId);
            }
            return action.apply(id);
        });
    }

    private static UUID id(String text) {
        try {
            return UUID.fromString(text.strip());
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException("\"%s\" is no id; use one that list shows".formatted(text));
        }
    }

    private static IllegalArgumentException missing(String deadLetterId) {
        return new IllegalArgumentException(
                "There is no dead letter %s: it was replayed or discarded, or never was".formatted(deadLetterId));
    }
}
