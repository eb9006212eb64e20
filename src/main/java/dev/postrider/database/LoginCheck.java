package dev.postrider.database;

import dev.postrider.startup.StartupException;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.Properties;

/**
 * Refuses a login that would see more than its role: a superuser, one that bypasses policies, a member of two groups.
 *
 * <p>It asks the server who has arrived, because a pooler may turn every login into one of its own.
 */
final class LoginCheck {

    private static final String FAULTS = SqlFile.read("queries/login-faults.sql");

    private LoginCheck() {}

    /**
     * Returns if each login is a member of its own group and of nothing that sees more.
     *
     * @throws StartupException otherwise, or if a login cannot connect
     */
    static void verify(DatabaseLocation location, RoleLogins logins) {
        verify("owner", logins.owner(), logins.owner(), location.directUrl());
        verifyWhereItWorks("tenant", logins.tenant(), location);
        verifyWhereItWorks("dispatcher", logins.dispatcher(), location);
        verifyWhereItWorks("operator", logins.operator(), location);
        // Perhaps it may connect to a replica only.
        verify("analyst", logins.analyst(), logins.owner(), location.directUrl());
    }

    private static void verifyWhereItWorks(String role, RoleLogins.Login login, DatabaseLocation location) {
        try {
            verify(role, login, login, location.url());
        } catch (StartupException e) {
            throw location.pooled() && e.getCause() instanceof SQLException cause
                    ? DatabaseCheck.notPassed(location.url(), login.username(), cause)
                    : e;
        }
    }

    private static void verify(String role, RoleLogins.Login login, RoleLogins.Login asking, String url) {
        Properties properties = new Properties();
        properties.setProperty("user", asking.username());
        properties.setProperty("password", asking.password());
        properties.setProperty("connectTimeout", "10");
        properties.setProperty("loginTimeout", "10"); // a pooler may be full; other nodes wait for this one to start
        properties.setProperty("socketTimeout", "10");
        properties.setProperty("prepareThreshold", "0"); // a transaction pooler may know no prepared statements
        try (Connection connection = DriverManager.getConnection(url, properties)) {
            PreparedStatement faults = connection.prepareStatement(FAULTS);
            faults.setString(1, "postrider_" + role);
            faults.setString(2, login == asking ? "" : login.username());
            ResultSet fault = faults.executeQuery();
            if (fault.next()) {
                throw refused(role, login.username(), fault);
            }
        } catch (SQLException e) {
            throw new StartupException(
                    "The login \"%s\" of the role %s cannot use %s: %s"
                            .formatted(login.username(), role, DatabaseLocation.withoutSecrets(url), e.getMessage()),
                    "Correct postrider.database.%s.username and .password, or leave them out, so that Postrider makes the login."
                            .formatted(role),
                    e);
        }
    }

    private static StartupException refused(String role, String given, ResultSet fault) throws SQLException {
        String arrived = fault.getString("login");
        String as = given.equals(arrived) ? "" : ", which the server knows as \"%s\",".formatted(arrived);
        return new StartupException(
                "The login \"%s\"%s %s. With such a login for the role %s the workspaces would not be kept apart."
                        .formatted(given, as, fault.getString("fault"), role),
                "Give another login as postrider.database.%s.username and .password, or none, so that Postrider makes one. Or run: %s."
                        .formatted(role, fault.getString("remedy")));
    }
}
