package dev.postrider.database;

import dev.postrider.secrets.Secrets;
import dev.postrider.startup.StartupException;
import java.lang.module.ModuleDescriptor.Version;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Optional;
import org.flywaydb.core.Flyway;
import org.flywaydb.core.api.FlywayException;
import org.flywaydb.core.api.configuration.FluentConfiguration;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Brings a database to this version: first the roles, then the schema.
 *
 * <p>Safe to run on several nodes at once and again at every start. A schema that a newer release has made is left as it
 * is: while nodes are updated one by one, an old one that starts again must not bring its old functions back.
 */
final class Migration {

    private static final Logger log = LoggerFactory.getLogger(Migration.class);

    private static final String ENGINE_TO_OWNER = "postrider_engine to %s with inherit false, set true";

    private final DatabaseLocation location;
    private final RoleLogins logins;
    private final Secrets secrets;
    private final String release;
    private final String scripts;

    Migration(DatabaseLocation location, RoleLogins logins, Secrets secrets) {
        this(location, logins, secrets, Build.RELEASE, "classpath:db/migration");
    }

    /**
     * @param release recorded with each migration as who installed it
     * @param scripts where the migrations are, as a location of Flyway
     */
    Migration(DatabaseLocation location, RoleLogins logins, Secrets secrets, String release, String scripts) {
        this.location = location;
        this.logins = logins;
        this.secrets = secrets;
        this.release = release;
        this.scripts = scripts;
    }

    /**
     * @throws StartupException when the roles cannot be made, or a migration fails
     */
    void run() {
        boolean makesRoles = !location.username().isBlank(); // else a DBA has: see db/bootstrap/roles.sql
        // One node at a time: what one revokes in the end another may need in the middle.
        try (Connection lock = makesRoles ? creator() : owner();
                Statement statement = lock.createStatement()) {
            statement.execute("select pg_advisory_lock(7077350513414132582)");
            if (makesRoles) {
                makeRoles();
            }
            LoginCheck.verify(location, logins);
            Optional<String> newer = newerRelease();
            if (newer.isPresent()) {
                log.info(
                        "The schema is of Postrider {}, newer than this {}: it is left as it is", newer.get(), release);
            } else if (makesRoles) {
                migrateAsEngine();
            } else {
                migrate();
            }
        } catch (SQLException e) {
            throw makesRoles ? rolesRefused(e) : unusable(e.getMessage(), e);
        }
        makePartitions();
        reportBreaches();
    }

    /** The engine's functions can only be made by a member of the engine, which has none but for this moment. */
    private void migrateAsEngine() {
        asCreator("grant " + ENGINE_TO_OWNER.formatted(logins.owner().username()));
        try {
            migrate();
        } finally {
            asCreator("revoke postrider_engine from " + logins.owner().username());
        }
    }

    private void makeRoles() {
        String script = SqlFile.read("bootstrap/roles.sql");
        for (String role : RoleLogins.ROLES) {
            script = script.replace("${" + role + "_password}", secrets.rolePassword(role));
        }
        asCreator(script);
    }

    /** The newest release that has changed the schema, if this one is older. */
    private Optional<String> newerRelease() {
        try (Connection connection = owner();
                Statement statement = connection.createStatement()) {
            try (ResultSet row =
                    statement.executeQuery("select to_regclass('postrider.flyway_schema_history') is not null")) {
                row.next();
                if (!row.getBoolean(1)) {
                    return Optional.empty();
                }
            }
            Version own = Version.parse(release);
            Optional<Version> newest = Optional.empty();
            try (ResultSet row = statement.executeQuery(
                    "select distinct installed_by from postrider.flyway_schema_history where installed_by ~ '^[0-9]'")) {
                while (row.next()) {
                    Version other = Version.parse(row.getString(1));
                    newest = newest.filter(known -> known.compareTo(other) > 0).or(() -> Optional.of(other));
                }
            }
            return newest.filter(known -> known.compareTo(own) > 0).map(Version::toString);
        } catch (SQLException e) {
            throw unusable(e.getMessage(), e);
        }
    }

    private void migrate() {
        try {
            Flyway flyway = flyway(location, logins.owner())
                    .installedBy(release)
                    .locations(scripts)
                    .load();
            if (flyway.info().pending().length > 0) {
                verifyMayBecomeEngine();
            }
            flyway.migrate();
        } catch (FlywayException | SQLException e) {
            throw unusable(e.getMessage(), e);
        }
    }

    private void verifyMayBecomeEngine() throws SQLException {
        try (Connection connection = owner();
                ResultSet row =
                        connection.createStatement().executeQuery("select pg_has_role('postrider_engine', 'set')")) {
            row.next();
            if (!row.getBoolean(1)) {
                String login = logins.owner().username();
                throw new StartupException(
                        "The login \"%s\" may not make the functions that belong to postrider_engine.".formatted(login),
                        "Run: grant %s. Once this version has started you may revoke it until the next one."
                                .formatted(ENGINE_TO_OWNER.formatted(login)));
            }
        }
    }

    private StartupException unusable(String reason, Exception cause) {
        return new StartupException(
                "The database %s could not be brought to this version: %s".formatted(location.urlForPeople(), reason),
                "Nothing was changed by the migration that failed, and nodes of the version before it work on. Correct"
                        + " what the message names, and start again; if it is a lock timeout, end the long transaction"
                        + " that holds the lock.",
                cause);
    }

    /** Bound by the policies, and with row_security off: a statement that a policy would change fails instead. */
    static FluentConfiguration flyway(DatabaseLocation location, RoleLogins.Login owner) {
        return Flyway.configure()
                .dataSource(location.directUrl(), owner.username(), owner.password())
                // Everything else waits behind a migration that waits for a lock: it gives up in time.
                .initSql("set role postrider_owner; set row_security = off; set lock_timeout = '10s'")
                .defaultSchema("postrider")
                .createSchemas(true)
                .placeholderReplacement(false);
    }

    /** Before anything writes: a database that nobody used for months has no partition for today. */
    private void makePartitions() {
        try (Connection connection = owner()) {
            connection.createStatement().execute("select postrider.ensure_partitions()");
        } catch (SQLException e) {
            throw new StartupException(
                    "The partitions of this month could not be made in %s: %s"
                            .formatted(location.urlForPeople(), e.getMessage()),
                    "Look which transaction holds a lock on the tables of the schema postrider, end it, and start again.",
                    e);
        }
    }

    /** Not refused: that would stop the work of all workspaces because of one table, perhaps of another team. */
    private void reportBreaches() {
        try (Connection connection = owner();
                ResultSet breach = connection
                        .createStatement()
                        .executeQuery("select object, breach, remedy from postrider.isolation_breaches")) {
            while (breach.next()) {
                log.error(
                        "Isolation is broken: {} {}. To mend it: {}",
                        breach.getString("object"),
                        breach.getString("breach"),
                        breach.getString("remedy"));
            }
        } catch (SQLException e) {
            log.warn(
                    "Whether isolation is broken could not be looked up in {}: {}. Ask in psql: table postrider.isolation_breaches",
                    location.urlForPeople(),
                    e.getMessage());
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

    private Connection owner() throws SQLException {
        return DriverManager.getConnection(
                location.directUrl(), logins.owner().username(), logins.owner().password());
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
