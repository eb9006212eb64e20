package dev.postrider.api;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.sql.Array;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import org.springframework.jdbc.core.JdbcTemplate;

/** Finds out what an API key opens. Only hashes are stored; thread-safe. */
public final class ApiKeys {

    private static final String RESOLVE =
            "select key_id, workspace_id, scopes, stored_hash from postrider.resolve_api_key(?)";

    private final JdbcTemplate admission;

    ApiKeys(JdbcTemplate admission) {
        this.admission = admission;
    }

    /**
     * @return who calls; empty if the key opens nothing
     * @throws org.springframework.dao.DataAccessException when the database is down
     */
    public Optional<Caller> resolve(String key) {
        byte[] hash = hash(key);
        List<Caller> callers = admission.query(
                RESOLVE,
                (row, n) -> {
                    Array scopes = row.getArray("scopes");
                    return MessageDigest.isEqual(hash, row.getBytes("stored_hash"))
                            ? new Caller(
                                    row.getObject("key_id", UUID.class),
                                    row.getObject("workspace_id", UUID.class),
                                    Set.of((String[]) scopes.getArray()))
                            : null;
                },
                hash);
        return callers.stream().findFirst();
    }

    /** SHA-256: a key has 256 random bits, so that a slow hash would gain nothing. */
    static byte[] hash(String text) {
        try {
            return MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("Every Java platform has SHA-256", e);
        }
    }
}
