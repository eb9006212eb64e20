package dev.postrider.database;

import com.zaxxer.hikari.HikariDataSource;
import java.sql.Connection;
import java.sql.SQLException;

/**
 * The pool behind {@code #tenant}, which serves nobody but the beginning of a workspace transaction.
 *
 * <p>What runs in the transaction uses the connection that Spring has bound to its thread, and never asks here. Whoever
 * asks is outside: before it, after it, or on another thread, where row-level security would show no rows without a word.
 *
 * <p>Safe for use by many threads; an admission counts for the thread that was admitted.
 */
public final class TenantDataSource extends HikariDataSource {

    private final ThreadLocal<Boolean> admitted = new ThreadLocal<>();

    /** Lets this thread take one connection; to be followed by {@link #withdraw} whatever happens. */
    public void admit() {
        admitted.set(true);
    }

    /** Takes an admission back; does nothing if there is none. */
    public void withdraw() {
        admitted.remove();
    }

    /** @throws OutsideWorkspaceException on a thread that begins no workspace transaction */
    @Override
    public Connection getConnection() throws SQLException {
        if (admitted.get() == null) {
            throw new OutsideWorkspaceException();
        }
        admitted.remove();
        return super.getConnection();
    }
}
