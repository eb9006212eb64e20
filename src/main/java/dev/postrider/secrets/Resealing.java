package dev.postrider.secrets;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.UUID;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.jdbc.core.JdbcTemplate;

/**
 * Encrypts what is kept secret in the database with the current key, so that the one before can be forgotten.
 *
 * <p>Each secret is replaced only as it was read: what somebody changes meanwhile is encrypted with the current key anyway.
 * Several nodes may do it at once.
 */
final class Resealing {

    private static final Logger LOG = LoggerFactory.getLogger(Resealing.class);
    private static final ObjectMapper JSON = new ObjectMapper();

    /** A source's or endpoint's secret; the texts of headers are bound to their names. */
    private record Sealed(String owner, UUID workspaceId, UUID id, byte[] secret, String headers) {

        String purpose() {
            return owner.equals("source") ? SecretBox.SOURCE : SecretBox.ENDPOINT;
        }
    }

    private final SecretBox box;
    private final JdbcTemplate sql;

    Resealing(SecretBox box, JdbcTemplate sql) {
        this.box = box;
        this.sql = sql;
    }

    /** Returns how many it has encrypted anew; one that no key opens is named in the log, and left. */
    int run() {
        int resealed = 0;
        int unreadable = 0;
        for (Sealed one : all()) {
            try {
                resealed += reseal(one) ? 1 : 0;
            } catch (UnreadableSecretException e) {
                unreadable++;
                LOG.error("The secrets of {} {} are not encrypted anew: {}", one.owner, one.id, e.getMessage());
            }
        }
        if (unreadable == 0) {
            LOG.info(
                    "All stored secrets are encrypted with the current key, {} of them anew; when every node has started with it, take postrider.further-encryption-keys away",
                    resealed);
        }
        return resealed;
    }

    private List<Sealed> all() {
        return sql.query(
                "select owner, workspace_id, id, secret, headers from postrider.sealed_secrets()",
                (row, n) -> new Sealed(
                        row.getString("owner"),
                        row.getObject("workspace_id", UUID.class),
                        row.getObject("id", UUID.class),
                        row.getBytes("secret"),
                        row.getString("headers")));
    }

    private boolean reseal(Sealed was) {
        byte[] secret = box.reseal(was.workspaceId, was.purpose(), was.secret);
        String headers = headers(was);
        return (!box.isCurrent(was.secret) || !headers.equals(was.headers))
                && Boolean.TRUE.equals(sql.queryForObject(
                        "select postrider.replace_sealed(?, ?, ?, ?, ?, ?::jsonb, ?::jsonb)",
                        Boolean.class,
                        was.owner,
                        was.workspaceId,
                        was.id,
                        was.secret,
                        secret,
                        was.headers,
                        headers));
    }

    private String headers(Sealed was) {
        try {
            Map<String, String> headers = JSON.readValue(was.headers, new TypeReference<>() {});
            Map<String, String> resealed = new TreeMap<>();
            headers.forEach((name, value) -> resealed.put(
                    name,
                    Base64.getEncoder()
                            .encodeToString(box.reseal(
                                    was.workspaceId,
                                    SecretBox.HEADER + name,
                                    Base64.getDecoder().decode(value)))));
            return resealed.equals(headers) ? was.headers : JSON.writeValueAsString(resealed);
        } catch (JsonProcessingException e) {
            throw new IllegalStateException("PostgreSQL left headers that are no JSON", e);
        }
    }
}
