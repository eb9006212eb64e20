package dev.postrider.testkit;

import dev.postrider.database.DataSources;
import dev.postrider.database.DatabaseLocation;
import dev.postrider.database.OwnDatabaseConfiguration;
import dev.postrider.database.OwnerConnections;
import dev.postrider.secrets.Secrets;
import dev.postrider.secrets.SecretsConfiguration;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.UUID;
import java.util.function.Function;
import java.util.stream.Stream;
import org.springframework.boot.WebApplicationType;
import org.springframework.boot.builder.SpringApplicationBuilder;
import org.springframework.jdbc.core.JdbcTemplate;
import org.springframework.jdbc.datasource.DriverManagerDataSource;
import org.springframework.jdbc.support.JdbcTransactionManager;
import org.springframework.transaction.support.TransactionTemplate;

/** A database of this version with nobody at work on it, for tests of the database alone. */
public record MigratedDatabase(DatabaseLocation location, Secrets secrets, OwnerConnections owner) {

    /** Makes the roles and the schema as an application does when it starts; some seconds. */
    public static MigratedDatabase create() {
        return of(TestDatabase.newDatabase());
    }

    /** The same of a database that is there. */
    public static MigratedDatabase of(DatabaseLocation location) {
        var application = new SpringApplicationBuilder(
                DataSources.class, OwnDatabaseConfiguration.class, SecretsConfiguration.class);
        try (var context = application
                .web(WebApplicationType.NONE)
                .run(Stream.of(TestDatabase.settings(location))
                        .map(setting -> "--" + setting)
                        .toArray(String[]::new))) {
            return new MigratedDatabase(
                    location, context.getBean(Secrets.class), context.getBean(OwnerConnections.class));
        }
    }

    /** SQL as the superuser, who sees everything. */
    public JdbcTemplate sql() {
        return new JdbcTemplate(dataSource(location.username(), location.password()));
    }

    /** A connection of the superuser, for transactions that stay open. */
    public Connection connection() throws SQLException {
        return dataSource(location.username(), location.password()).getConnection();
    }

    public UUID newWorkspace() {
        return sql().queryForObject("select postrider.create_workspace('test')", UUID.class);
    }

    /** SQL as one of our logins, such as {@code tenant}, in one transaction under a workspace; null sets none. */
    public <T> T as(String role, UUID workspace, Function<JdbcTemplate, T> work) {
        return as("postrider_" + role + "_login", secrets.rolePassword(role), workspace, work);
    }

    /** SQL as any login, in one transaction under a workspace; null sets none. */
    public <T> T as(String login, String password, UUID workspace, Function<JdbcTemplate, T> work) {
        DriverManagerDataSource dataSource = dataSource(login, password);
        return new TransactionTemplate(new JdbcTransactionManager(dataSource)).execute(status -> {
            JdbcTemplate jdbc = new JdbcTemplate(dataSource);
            if (workspace != null) {
                jdbc.query("select set_config('app.active_workspace', ?, true)", row -> {}, workspace.toString());
            }
            return work.apply(jdbc);
        });
    }

    private DriverManagerDataSource dataSource(String login, String password) {
        return new DriverManagerDataSource(location.url(), login, password);
    }
}
