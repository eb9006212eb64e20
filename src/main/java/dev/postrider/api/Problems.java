package dev.postrider.api;

import java.sql.SQLException;
import java.sql.SQLTransientConnectionException;
import java.util.List;
import java.util.UUID;
import org.apache.camel.component.direct.DirectConsumerNotAvailableException;
import org.postgresql.util.PSQLException;
import org.postgresql.util.ServerErrorMessage;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.transaction.CannotCreateTransactionException;
import org.springframework.transaction.TransactionSystemException;

/** Turns what went wrong in a route into the answer that the caller may see: never SQL, never a stack trace. */
public final class Problems {

    private static final Logger LOG = LoggerFactory.getLogger(Problems.class);

    private Problems() {}

    /** @param operation what was called, for the log */
    public static Problem of(Throwable error, String operation) {
        for (Throwable t = error; t != null; t = t.getCause()) {
            if (t instanceof ProblemException known) {
                return known.problem();
            }
            if (t instanceof DirectConsumerNotAvailableException) {
                return Problem.of(503, "%s is stopped on this node; try again later.".formatted(operation));
            }
            if (t instanceof TransactionSystemException rollback && rollback.getApplicationException() != null) {
                return of(rollback.getApplicationException(), operation); // why there was something to roll back
            }
            if (t instanceof SQLException sql) {
                Problem problem = of(sql);
                if (problem != null) {
                    return problem;
                }
            }
            if (t instanceof CannotCreateTransactionException) {
                return databaseDown();
            }
        }
        String reference = UUID.randomUUID().toString().substring(0, 8);
        LOG.error("{} failed, reference {}", operation, reference, error);
        return Problem.of(500, "Something went wrong here; the operators find it in the log as " + reference + ".");
    }

    private static Problem of(SQLException error) {
        String state = error.getSQLState() == null ? "" : error.getSQLState();
        ServerErrorMessage server = error instanceof PSQLException sql ? sql.getServerErrorMessage() : null;
        if (state.startsWith("PR") && server != null) {
            int status = Integer.parseInt(state.substring(2));
            String hint = server.getHint() == null ? "" : ". " + server.getHint();
            String field = server.getColumn(); // as in: using column = 'filter.deadTo'
            return Problem.of(
                    status,
                    server.getMessage() + hint,
                    field == null ? List.of() : List.of(new Problem.Field(field, server.getMessage())));
        }
        if (state.equals("23505")) {
            return Problem.of(409, "That exists already.");
        }
        if (state.equals("23514") && server != null) {
            return Problem.of(
                    400,
                    "A value is out of bounds: constraint %s of %s."
                            .formatted(server.getConstraint(), server.getTable()));
        }
        if (state.startsWith("22")) {
            return Problem.of(
                    400,
                    "A value cannot be stored: " + (server == null ? "it is not valid" : server.getMessage()) + ".");
        }
        boolean away = error instanceof SQLTransientConnectionException
                || state.startsWith("08")
                || state.startsWith("57P")
                || state.equals("53300");
        return away ? databaseDown() : null;
    }

    private static Problem databaseDown() {
        return Problem.of(503, "The database is not reachable; nothing was done. Try again.");
    }
}
