package dev.postrider.database;

/**
 * Where the database is, and which login may create roles in it.
 *
 * <p>Whoever asks for this bean may rely on a PostgreSQL that has answered and is new enough.
 *
 * @param url JDBC URL; treated as a transaction pooler unless it equals {@code directUrl}
 * @param directUrl JDBC URL straight to PostgreSQL, for LISTEN and migrations
 * @param username a login that may create roles; empty if every role's login is given
 * @param password its password
 * @param embedded whether Postrider runs this server itself
 */
public record DatabaseLocation(String url, String directUrl, String username, String password, boolean embedded) {

    /** Whether a transaction pooler stands between Postrider and PostgreSQL. */
    public boolean pooled() {
        return !url.equals(directUrl);
    }

    /** The URL without anything that could be a password: no parameters, no user information. */
    public String urlForPeople() {
        return withoutSecrets(url);
    }

    /** Never the password: records end up in logs. */
    @Override
    public String toString() {
        return "DatabaseLocation[" + urlForPeople() + (embedded ? ", embedded]" : "]");
    }

    static String withoutSecrets(String url) {
        return url.replaceFirst("\\?.*", "").replaceFirst("//.*@", "//");
    }
}
