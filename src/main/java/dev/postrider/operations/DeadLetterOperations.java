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
        description = "Tasks and deliveries that exhausted their redeliveries: list, inspect, replay, discard")
public class DeadLetterOperations {

    private static final int MOST_LISTED = 1_000;
    private static final String LIST = SqlFile.read("queries/operations/list-dead-letters.sql");
    private static final String INSPECT = SqlFile.read("queries/operations/inspect-dead-letter.sql");
    private static final String ENTER = SqlFile.read("queries/operations/enter-workspace-of-dead-letter.sql");

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
