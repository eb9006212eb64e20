package dev.postrider.queue;

import java.sql.SQLException;
import org.postgresql.util.PSQLException;

/** Puts an exception into the words that are kept with a task: no stack trace, and of a database error no SQL. */
final class ErrorText {

    private static final int MAXIMUM_LENGTH = 2_000;

    private ErrorText() {}

    static String of(Throwable error) {
        Throwable cause = error;
        for (Throwable t = error; t != null; t = t.getCause()) {
            if (t instanceof SQLException) {
                cause = t;
            }
        }
        String message = cause.getMessage();
        if (cause instanceof PSQLException sql && sql.getServerErrorMessage() != null) {
            message = sql.getServerErrorMessage().getMessage();
        }
        String text = cause.getClass().getSimpleName() + (message == null ? "" : ": " + message);
        text = text.replace('\u0000', ' ');
        return text.length() <= MAXIMUM_LENGTH ? text : text.substring(0, MAXIMUM_LENGTH) + "…";
    }
}
