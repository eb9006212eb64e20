package dev.postrider.database;

import dev.postrider.secrets.Secrets;
import dev.postrider.startup.StartupException;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import org.flywaydb.core.Flyway;
import org.flywaydb.core.api.FlywayException;
import org.flywaydb.core.api.configuration.FluentConfiguration;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Brings a database to this version: first the roles, then the schema.
 *
 * <p>Safe to run on several nodes at once and again at every start.
 */
final class Migration {

    private static final Logger log = LoggerFactory.getLogger(Migration.class);

    private static final String ENGINE_TO_OWNER = "postrider_engine to %s with inherit false, set true";

    private final DatabaseLocation location;
    private final RoleLogins logins;
    private final Secrets secrets;

    Migration(DatabaseLocation location, RoleLogins logins, Secrets secrets) {
        this.location = location;
        this.logins = logins;
        this.secrets = secrets;
    }

    /**
     * @throws StartupException when the roles cannot be made, or a migration fails
     */
    void run() {
        if (location.username().isBlank()) {
            migrate(); // a DBA has made the roles: see db/bootstrap/roles.sql
        } else {
            prepare();
        }
        makePartitions();
    }

    /** One node at a time: what one revokes in the end another may need in the middle. */
    private void prepare() {
        try (Connection lock = creator();
                Statement statement = lock.createStatement()) {
            statement.execute("select pg_advisory_lock(7077350513414132582)");
            makeRoles();
            // The engine's functions can only be made by a member of the engine, which has none but for this moment.
            asCreator("grant " + ENGINE_TO_OWNER.formatted(logins.owner().username()));
            try {
                migrate();
            } finally {
                asCreator("revoke postrider_engine from " + logins.owner().username());
            }
        } catch (SQLException e) {
            throw rolesRefused(e);
        }
    }

    private void makeRoles() {
        String script = SqlFile.read("bootstrap/roles.sql");
        for (String role : RoleLogins.ROLES) {
            script = script.replace("${" + role + "_password}", secrets.rolePassword(role));
        }
        asCreator(script);
    }

    private void migrate() {
        LoginCheck.verify(location, logins);
        try {
            flyway(location, logins.owner()).load().migrate();
        } catch (FlywayException e) {
            throw new StartupException(
                    "The database %s could not be brought to this version: %s"
                            .formatted(location.urlForPeople(), e.getMessage()),
                    "If another version of Postrider uses this database, start the newer one. Otherwise restore a backup"
                            + " or give another database; nothing was changed by the migration that failed.",
                    e);
        }
    }

    /** Bound by the policies, and with row_security off: a statement that a policy would change fails instead. */
    static FluentConfiguration flyway(DatabaseLocation location, RoleLogins.Login owner) {
        return Flyway.configure()
                .dataSource(location.directUrl(), owner.username(), owner.password())
                .initSql("set role postrider_owner; set row_security = off")
                .locations("classpath:db/migration")
                .defaultSchema("postrider")
                .createSchemas(true)
                .placeholderReplacement(false);
    }

    /** Before anything writes: a database that nobody used for months has no partition for today. */
    private void makePartitions() {
        RoleLogins.Login owner = logins.owner();
        try (Connection connection =
                DriverManager.getConnection(location.directUrl(), owner.username(), owner.password())) {
            connection.createStatement().execute("select postrider.ensure_partitions()");
            reportBreaches(connection);
        } catch (SQLException e) {
            throw new StartupException(
                    "The partitions of this month could not be made in %s: %s"
                            .formatted(location.urlForPeople(), e.getMessage()),
                    "Look which transaction holds a lock on the tables of the schema postrider, end it, and start again.",
                    e);
        }
    }

    /** Not refused: that would stop the work of all workspaces because of one table, perhaps of another team. */
    private static void reportBreaches(Connection owner) throws SQLException {
        try (ResultSet breach = owner.createStatement()
                .executeQuery("select object, breach, remedy from postrider.isolation_breaches")) {
            while (breach.next()) {
                log.error(
                        "Isolation is broken: {} {}. To mend it: {}",
                        breach.getString("object"),
                        breach.getString("breach"),
                        breach.getString("remedy"));
            }
        }
    }

    private void asCreator(String sql) {
        try (Connection connection = creator();
                Statement statement = connection.createStatement()) {
            statement.execute(sql);
        } catch (SQLException e) {
            throw rolesRefused(e);
        }
    }

    private Connection creator() throws SQLException {
        return DriverManager.getConnection(location.directUrl(), location.username(), location.password());
    }

    private StartupException rolesRefused(SQLException e) {
        return new StartupException(
                "The login \"%s\" could not make the roles of Postrider in %s: %s"
                        .formatted(location.username(), location.urlForPeople(), e.getMessage()),
                "Give the login CREATEROLE and the ownership of the database; or let a DBA run"
                        + " db/bootstrap/roles.sql and give each role's login as postrider.database.<role>.username"
                        + " and .password.",
                e);
    }
}
