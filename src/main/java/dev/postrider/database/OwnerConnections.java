package dev.postrider.database;

import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import org.postgresql.ds.PGSimpleDataSource;

/**
 * Connections as the owner of the schema, straight to PostgreSQL: for statements that no transaction and no function may hold.
 *
 * <p>Not a data source, so that no route can use it. Safe for any thread.
 */
public final class OwnerConnections {

    private final PGSimpleDataSource source = new PGSimpleDataSource();

    OwnerConnections(DatabaseLocation location, RoleLogins logins) {
        source.setUrl(location.directUrl());
        source.setUser(logins.owner().username());
        source.setPassword(logins.owner().password());
        source.setApplicationName("postrider retention");
        source.setTcpKeepAlive(true);
        source.setConnectTimeout(5);
    }

    /** A new connection, in autocommit; what it makes belongs to the group. */
    public Connection open() throws SQLException {
        Connection connection = source.getConnection();
        try (Statement statement = connection.createStatement()) {
            statement.execute("set role postrider_owner");
            return connection;
        } catch (SQLException e) {
            connection.close();
            throw e;
        }
    }
}
