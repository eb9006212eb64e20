package dev.postrider.database;

import org.springframework.boot.context.properties.ConfigurationProperties;
import org.springframework.boot.context.properties.bind.DefaultValue;

/**
 * The settings {@code postrider.database.*}: which PostgreSQL to use, and with which logins.
 *
 * <p>A text that is not given is empty, never null. With only {@code url}, {@code username} and {@code password} all
 * else is derived; without a {@code url} Postrider starts a server of its own.
 *
 * @param url JDBC URL, possibly of a transaction pooler; empty (default): the embedded server
 * @param directUrl JDBC URL straight to PostgreSQL, for LISTEN and migrations; empty (default): the {@code url}
 * @param replicaUrl JDBC URL of a streaming replica: analysts read there and nowhere else; empty (default): on the {@code url}
 * @param username a login that may create roles; not needed when all roles below are given
 * @param password its password
 * @param owner the login that migrates and drops old partitions
 * @param tenant the login of handlers, API and inbound work
 * @param dispatcher the login that claims and finishes tasks
 * @param operator the login that works on dead letters
 * @param analyst the login that reads across workspaces
 * @param embeddedPort TCP port of the embedded server on 127.0.0.1; 0 (default): the same as last time if it is free,
 *     else any free one
 */
@ConfigurationProperties("postrider.database")
public record DatabaseSettings(
        @DefaultValue("") String url,
        @DefaultValue("") String directUrl,
        @DefaultValue("") String replicaUrl,
        @DefaultValue("") String username,
        @DefaultValue("") String password,
        @DefaultValue Login owner,
        @DefaultValue Login tenant,
        @DefaultValue Login dispatcher,
        @DefaultValue Login operator,
        @DefaultValue Login analyst,
        @DefaultValue("0") int embeddedPort) {

    /**
     * One role's login, given by hand instead of derived.
     *
     * @param username empty (default): Postrider creates and names the login
     * @param password empty (default): derived from the encryption key
     */
    public record Login(
            @DefaultValue("") String username,
            @DefaultValue("") String password) {

        /** Whether somebody else manages this login. */
        public boolean given() {
            return !username.isBlank();
        }
    }
}
