package dev.postrider.database;

import com.zaxxer.hikari.HikariDataSource;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.SQLNonTransientConnectionException;
import java.sql.SQLTransientConnectionException;
import java.sql.Statement;

/**
 * Connections of analysts, which are on a replica and nowhere else while one is set.
 *
 * <p>Whether the server is a replica is asked each time a connection is handed out. The driver's own
 * {@code targetServerType=secondary} asks when it connects; but a promotion leaves sessions open, which are on a primary
 * from then on.
 */
final class AnalystPool extends HikariDataSource {

    private static final String NEVER_THE_PRIMARY =
            " Analytics never runs on the primary while postrider.database.replica-url is set.";

    private final String replica;

    /** @param replica where the replica is, for people; empty: none is set, and any server will do */
    AnalystPool(String replica) {
        this.replica = replica;
    }

    /** @throws SQLException when there is no replica to be had; what it says is for people, and complete without causes */
    @Override
    public Connection getConnection() throws SQLException {
        if (replica.isEmpty()) {
            return super.getConnection();
        }
        Connection connection = connect();
        try {
            verifyReplica(connection);
            return connection;
        } catch (SQLException e) {
            evictConnection(connection);
            connection.close();
            throw e;
        }
    }

    private Connection connect() throws SQLException {
        try {
            return super.getConnection();
        } catch (SQLTransientConnectionException e) {
            Throwable reason = e.getCause() == null ? e : e.getCause(); // without a cause all connections are busy
            SQLException away = new SQLTransientConnectionException(
                    "The replica at %s gives no connection: %s".formatted(replica, reason.getMessage())
                            + NEVER_THE_PRIMARY,
                    e.getSQLState());
            // Not as its cause: logs and answers show the last of those, a mere "Connection refused".
            away.addSuppressed(e);
            throw away;
        }
    }

    private void verifyReplica(Connection connection) throws SQLException {
        try (Statement statement = connection.createStatement();
                ResultSet row = statement.executeQuery("select pg_is_in_recovery()")) {
            row.next();
            if (!row.getBoolean(1)) {
                throw new SQLNonTransientConnectionException(
                        "The server at %s is a primary: it was promoted, or the setting names the wrong server."
                                        .formatted(replica)
                                + NEVER_THE_PRIMARY,
                        "08004");
            }
        }
    }
}
