package dev.postrider.tenancy;

import dev.postrider.tenancy.TwoWorkspaces.Party;
import java.io.IOException;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.SQLWarning;
import java.sql.Statement;
import java.util.List;
import org.postgresql.PGConnection;
import org.postgresql.util.PSQLException;
import org.postgresql.util.ServerErrorMessage;
import org.springframework.jdbc.core.JdbcTemplate;
import org.springframework.jdbc.datasource.SingleConnectionDataSource;

/** Tries statements as one of our roles, in the attacker's workspace; whatever they do is undone. */
final class SqlAttacker implements AutoCloseable {

    /**
     * What a statement came to.
     *
     * @param state the SQLSTATE of its error; empty if there was none
     * @param rows rows shown and changed
     * @param text all that came back: rows, notices, or the error with its detail, hint and context
     * @param victimsRows the victim's rows after it; null if it failed
     */
    record Outcome(String state, long rows, String text, List<String> victimsRows) {

        boolean denied() {
            return state.equals("42501");
        }

        /** What a caller can tell outcomes apart by, but for a value that he sent. */
        String seen(String... sent) {
            String seen = state + " " + rows + " " + text;
            for (String value : sent) {
                seen = seen.replace(value, "(sent)");
            }
            return ApiCalls.UUID.matcher(seen).replaceAll("(new)");
        }
    }

    private final TwoWorkspaces both;
    private final Connection connection;

    SqlAttacker(TwoWorkspaces both) throws SQLException {
        this.both = both;
        connection = DriverManager.getConnection(
                both.application.database().url(),
                both.application.database().username(),
                both.application.database().password());
        connection.setAutoCommit(false);
    }

    /** Tries statements, separated by semicolons, with the grants that a role has. */
    Outcome attempt(String role, String sql) {
        return attempt(role, sql, false);
    }

    /** @param everythingGranted shows what the policies hold back when the grants do not */
    Outcome attempt(String role, String sql, boolean everythingGranted) {
        Party attacker = both.attacker;
        try (Statement statement = connection.createStatement()) {
            if (everythingGranted) {
                statement.execute("grant all on all tables in schema postrider to postrider_" + role);
            }
            statement.execute("select set_config('app.active_workspace', '%s', true)".formatted(attacker.id()));
            statement.execute("set local role postrider_" + role);
            StringBuilder text = new StringBuilder();
            long rows = sql.startsWith("copy ") ? copy(sql, text) : execute(statement, sql, text);
            statement.execute("reset role");
            statement.execute("set local row_security = on");
            var here = new JdbcTemplate(new SingleConnectionDataSource(connection, true));
            return new Outcome("", rows, text.toString(), both.victimsRows(here));
        } catch (SQLException e) {
            return new Outcome(String.valueOf(e.getSQLState()), 0, everythingOf(e), null);
        } finally {
            rollback();
        }
    }

    private long copy(String sql, StringBuilder text) throws SQLException {
        StringWriter out = new StringWriter();
        try {
            long rows = connection.unwrap(PGConnection.class).getCopyAPI().copyOut(sql, out);
            text.append(out);
            return rows;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static long execute(Statement statement, String sql, StringBuilder text) throws SQLException {
        long rows = 0;
        boolean results = statement.execute(sql);
        while (results || statement.getUpdateCount() != -1) {
            if (results) {
                ResultSet shown = statement.getResultSet();
                while (shown.next()) {
                    rows++;
                    for (int i = 1; i <= shown.getMetaData().getColumnCount(); i++) {
                        text.append(shown.getString(i)).append('\n');
                    }
                }
            } else {
                rows += statement.getUpdateCount();
            }
            results = statement.getMoreResults();
        }
        for (SQLWarning warning = statement.getWarnings(); warning != null; warning = warning.getNextWarning()) {
            text.append(warning.getMessage()).append('\n');
        }
        return rows;
    }

    private static String everythingOf(SQLException error) {
        ServerErrorMessage server = error instanceof PSQLException sql ? sql.getServerErrorMessage() : null;
        return server == null
                ? error.getMessage()
                : "%s / %s / %s / %s / %s / %s"
                        .formatted(
                                server.getMessage(),
                                server.getDetail(),
                                server.getHint(),
                                server.getWhere(),
                                server.getTable(),
                                server.getConstraint());
    }

    private void rollback() {
        try {
            connection.rollback();
        } catch (SQLException e) {
            throw new IllegalStateException(e);
        }
    }

    @Override
    public void close() throws SQLException {
        connection.close();
    }
}
