package dev.postrider.database;

import dev.postrider.secrets.Secrets;
import java.util.List;

/** The logins with which Postrider connects, one per role: given by settings, or named and derived here. */
record RoleLogins(Login owner, Login tenant, Login dispatcher, Login operator, Login analyst) {

    static final List<String> ROLES = List.of("owner", "tenant", "dispatcher", "operator", "analyst");

    record Login(String username, String password) {}

    static RoleLogins of(DatabaseSettings settings, Secrets secrets) {
        return new RoleLogins(
                login("owner", settings.owner(), secrets),
                login("tenant", settings.tenant(), secrets),
                login("dispatcher", settings.dispatcher(), secrets),
                login("operator", settings.operator(), secrets),
                login("analyst", settings.analyst(), secrets));
    }

    private static Login login(String role, DatabaseSettings.Login given, Secrets secrets) {
        return given.given()
                ? new Login(given.username(), given.password())
                : new Login("postrider_" + role + "_login", secrets.rolePassword(role));
    }
}
