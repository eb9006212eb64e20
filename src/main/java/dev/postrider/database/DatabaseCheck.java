package dev.postrider.database;

import dev.postrider.startup.StartupException;
import java.net.ConnectException;
import java.net.SocketTimeoutException;
import java.net.UnknownHostException;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import org.postgresql.Driver;
import org.postgresql.PGConnection;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Connects to the database once, before anything else does, and says in plain words what is wrong with it.
 *
 * <p>Without it the first failure would come from a connection pool or a migration, later and in their words.
 */
final class DatabaseCheck {

    /** What the SQL of Postrider is written for and tested with. */
    static final int OLDEST_VERSION = 16;

    /**
     * The first minor version of each major one without known holes in row-level security. The last one was
     * CVE-2025-8713 (statistics of the planner show values of hidden rows), before it CVE-2024-10976 (a plan made for
     * one role is run with its policies for another); 18.0 was born with both fixed.
     */
    private static final Map<Integer, Integer> FIRST_WITHOUT_HOLES = Map.of(16, 10, 17, 6);

    private static final Logger log = LoggerFactory.getLogger(DatabaseCheck.class);

    private static final String CONNECT_SECONDS = "10";

    private DatabaseCheck() {}

    /**
     * Returns if the database answers, and is new enough, and the login may do what is needed.
     *
     * @param setting names the URL, which has to lead straight to PostgreSQL: otherwise a warning says so
     * @param mayCreateRoles whether this login has to be able to create roles
     * @throws StartupException otherwise
     */
    static void verify(String setting, String url, String username, String password, boolean mayCreateRoles) {
        try (Connection connection = connect(setting, url, username, password);
                Statement statement = connection.createStatement()) {
            verifyVersion(setting, url, statement);
            if (mayCreateRoles) {
                verifyRoles(statement);
            }
            warnOfPooler(setting, url, connection);
        } catch (SQLException e) {
            throw explain(setting, url, username, e);
        }
    }

    /** What to say when a login has not arrived through the pooler. */
    static StartupException notPassed(String url, String username, SQLException e) {
        if (causedBy(e, UnknownHostException.class)
                || causedBy(e, ConnectException.class)
                || causedBy(e, SocketTimeoutException.class)) {
            return explain("postrider.database.url", url, username, e);
        }
        return new StartupException(
                "The login \"%s\" does not pass the pooler at %s: %s"
                        .formatted(username, DatabaseLocation.withoutSecrets(url), e.getMessage()),
                "Put the logins of tenant, dispatcher, operator and analyst into the pooler's list of users, with their"
                        + " present passwords, and the database into its list of databases; docs/guides/pgbouncer.md"
                        + " shows how. If postrider.database.url leads straight to PostgreSQL, leave"
                        + " postrider.database.direct-url out.",
                e);
    }

    private static Connection connect(String setting, String url, String username, String password)
            throws SQLException {
        verifyUrl(setting, url);
        Properties properties = new Properties();
        if (!username.isBlank()) {
            properties.setProperty("user", username);
            properties.setProperty("password", password);
        }
        properties.setProperty("ApplicationName", "postrider start");
        properties.setProperty("connectTimeout", CONNECT_SECONDS);
        properties.setProperty("loginTimeout", CONNECT_SECONDS);
        // A transaction pooler may know no prepared statements.
        properties.setProperty("prepareThreshold", "0");
        return new Driver().connect(url, properties);
    }

    /** A pooler tells its clients process ids of its own making. It may pool by session, so this is no failure. */
    private static void warnOfPooler(String setting, String url, Connection connection) throws SQLException {
        try (Statement statement = connection.createStatement();
                ResultSet row = statement.executeQuery("select pg_backend_pid()")) {
            row.next();
            if (row.getInt(1) != connection.unwrap(PGConnection.class).getBackendPID()) {
                log.warn(
                        "{} ({}) leads through a pooler. Give postrider.database.direct-url, straight to PostgreSQL:"
                                + " neither migrations nor LISTEN work through a pooler in transaction mode.",
                        setting,
                        DatabaseLocation.withoutSecrets(url));
            }
        }
    }

    /**
     * Returns if the driver can read this URL; connects to nothing.
     *
     * @throws StartupException otherwise
     */
    static void verifyUrl(String setting, String url) {
        if (!new Driver().acceptsURL(url)) {
            throw new StartupException(
                    "The setting %s, \"%s\", is not a JDBC URL of PostgreSQL."
                            .formatted(setting, DatabaseLocation.withoutSecrets(url)),
                    "Give it as jdbc:postgresql://host:5432/database, and user and password apart, as"
                            + " postrider.database.username and postrider.database.password.");
        }
    }

    private static void verifyVersion(String setting, String url, Statement statement) throws SQLException {
        try (ResultSet row = statement.executeQuery("select current_setting('server_version_num')::int")) {
            row.next();
            int major = row.getInt(1) / 10000;
            int minor = row.getInt(1) % 10000;
            if (major < OLDEST_VERSION) {
                throw new StartupException(
                        "The database at %s is PostgreSQL %d; Postrider needs %d or newer."
                                .formatted(DatabaseLocation.withoutSecrets(url), major, OLDEST_VERSION),
                        "Upgrade the server, or point %s at a newer one.".formatted(setting));
            }
            isolationWarning(major, minor)
                    .ifPresent(warning -> log.warn("{}: {}", DatabaseLocation.withoutSecrets(url), warning));
        }
    }

    /** What to do about a version whose row-level security has a known hole; empty if it has none. */
    static Optional<String> isolationWarning(int major, int minor) {
        return Optional.ofNullable(FIRST_WITHOUT_HOLES.get(major))
                .filter(fixed -> minor < fixed)
                .map(fixed -> ("PostgreSQL %1$d.%2$d has holes in row-level security (the last one is CVE-2025-8713),"
                                + " by which one workspace can learn of another's rows. Update to %1$d.%3$d or later.")
                        .formatted(major, minor, fixed));
    }

    private static void verifyRoles(Statement statement) throws SQLException {
        try (ResultSet row = statement.executeQuery(
                "select rolname, rolsuper or rolcreaterole from pg_catalog.pg_roles where rolname = current_user")) {
            if (row.next() && !row.getBoolean(2)) {
                throw new StartupException(
                        "The database login \"%s\" may not create roles, and Postrider creates one login per task."
                                .formatted(row.getString(1)),
                        "Run: alter role \"%s\" createrole. Or create the logins yourself and give all of them:"
                                        .formatted(row.getString(1))
                                + " postrider.database.<role>.username and .password for owner, tenant, dispatcher,"
                                + " operator and analyst.");
            }
        }
    }

    private static StartupException explain(String setting, String url, String username, SQLException e) {
        String where = DatabaseLocation.withoutSecrets(url);
        String who = username.isBlank() ? "without a username" : "as \"" + username + "\"";
        String state = e.getSQLState() == null ? "" : e.getSQLState();
        if (causedBy(e, UnknownHostException.class)) {
            return new StartupException(
                    "The host in %s, %s, is unknown.".formatted(setting, where),
                    "Correct the host name in %s, or check the name service of this machine.".formatted(setting),
                    e);
        }
        if (causedBy(e, ConnectException.class) || causedBy(e, SocketTimeoutException.class)) {
            return new StartupException(
                    "No PostgreSQL answers at %s (%s).".formatted(where, e.getMessage()),
                    "Start the database, or correct host and port in %s; a firewall may be in between."
                            .formatted(setting),
                    e);
        }
        return switch (state) {
            case "28P01", "28000" ->
                new StartupException(
                        "The database at %s refuses the login %s (%s).".formatted(where, who, e.getMessage()),
                        "Correct postrider.database.username and postrider.database.password"
                                + " (environment: POSTRIDER_DATABASE_USERNAME, POSTRIDER_DATABASE_PASSWORD).",
                        e);
            case "3D000" ->
                new StartupException(
                        "The server at %s has no such database (%s).".formatted(where, e.getMessage()),
                        "Create it with createdb, or correct the name after the last slash of %s.".formatted(setting),
                        e);
            default ->
                new StartupException(
                        "The database at %s cannot be used %s: %s (SQL state %s)."
                                .formatted(where, who, e.getMessage(), state.isEmpty() ? "none" : state),
                        "Check the server's log, and %s with username and password.".formatted(setting),
                        e);
        };
    }

    private static boolean causedBy(Throwable failure, Class<? extends Throwable> type) {
        for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
            if (type.isInstance(cause)) {
                return true;
            }
        }
        return false;
    }
}
