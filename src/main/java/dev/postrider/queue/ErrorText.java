package dev.postrider.queue;

import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import org.postgresql.util.PSQLException;

/** Puts an exception into one line of the log: no stack trace, and of a database error no SQL. */
final class ErrorText {

    private static final int MAXIMUM_LENGTH = 2_000;
    private static final int MAXIMUM_CAUSES = 50;

    private ErrorText() {}

    static String of(Throwable error) {
        Throwable cause = error;
        for (Throwable t : causes(error)) {
            if (t instanceof SQLException) {
                cause = t;
            }
        }
        String message = cause instanceof PSQLException sql && sql.getServerErrorMessage() != null
                ? sql.getServerErrorMessage().getMessage()
                : messageOf(cause, null);
        return storable(cause.getClass().getSimpleName() + (message == null ? "" : ": " + message));
    }

    /** An exception's own message, or another text if it has none. */
    static String messageOf(Throwable error, String otherwise) {
        String message;
        try {
            message = error.getMessage();
        } catch (RuntimeException e) {
            message = null;
        }
        return message == null ? otherwise : storable(message);
    }

    /** An exception and its causes, which a careless {@code initCause} can make a circle. */
    static List<Throwable> causes(Throwable error) {
        List<Throwable> causes = new ArrayList<>();
        for (Throwable t = error; t != null && causes.size() < MAXIMUM_CAUSES; t = t.getCause()) {
            causes.add(t);
        }
        return causes;
    }

    /** What PostgreSQL takes: no NUL, no half of a surrogate pair; and not too much of it. */
    static String storable(String text) {
        StringBuilder kept = new StringBuilder();
        text.codePoints()
                .limit(MAXIMUM_LENGTH)
                .map(c -> c == 0 ? ' ' : c >= Character.MIN_SURROGATE && c <= Character.MAX_SURROGATE ? '?' : c)
                .forEach(kept::appendCodePoint);
        return text.codePointCount(0, text.length()) <= MAXIMUM_LENGTH
                ? kept.toString()
                : kept.append('…').toString();
    }
}
