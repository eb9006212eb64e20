package dev.postrider.inbound;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.postrider.tenancy.WorkspaceTransactionPolicy;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.UUID;
import org.apache.camel.Exchange;
import org.springframework.web.util.UriComponentsBuilder;

/** Prepares the API's requests about sources for the database: no secret goes there unsealed. */
public final class SourceRequests {

    private static final ObjectMapper JSON = new ObjectMapper();
    private static final SecureRandom RANDOM = new SecureRandom();
    private static final int KEY_BYTES = 24;

    private final SourceSecrets secrets;
    private final String publicUrl;

    /** @param publicUrl what providers reach this installation by; empty: what the API was called by */
    public SourceRequests(SourceSecrets secrets, String publicUrl) {
        this.secrets = secrets;
        this.publicUrl = publicUrl.replaceFirst("/+$", "");
    }

    /** A new source gets a key that nobody can guess. */
    public void create(Exchange exchange) {
        exchange.setProperty("sourceKey", newKey());
        update(exchange);
    }

    /** Seals the secrets, if any are given, and takes them out of the request. */
    public void update(Exchange exchange) {
        show(exchange);
        try {
            ObjectNode request = (ObjectNode) JSON.readTree(exchange.getProperty("request", String.class));
            JsonNode given = request.remove("secrets");
            if (given != null) {
                List<String> texts = new ArrayList<>();
                given.forEach(secret -> texts.add(secret.asText()));
                UUID workspace =
                        UUID.fromString(exchange.getProperty(WorkspaceTransactionPolicy.WORKSPACE, String.class));
                exchange.setProperty("secretCount", texts.size());
                exchange.setProperty("sealedSecrets", secrets.seal(workspace, texts));
            }
            exchange.setProperty("request", request.toString());
        } catch (JsonProcessingException e) {
            throw new IllegalStateException("The API left a request that is not JSON", e);
        }
    }

    /** Sets the property {@code publicUrl}, which the url of a source starts with. */
    public void show(Exchange exchange) {
        exchange.setProperty("publicUrl", publicUrl.isEmpty() ? calledBy(exchange) : publicUrl);
    }

    private static String newKey() {
        byte[] bytes = new byte[KEY_BYTES];
        RANDOM.nextBytes(bytes);
        return Base64.getUrlEncoder().withoutPadding().encodeToString(bytes);
    }

    private static String calledBy(Exchange exchange) {
        return UriComponentsBuilder.fromUriString(exchange.getProperty("requestUrl", String.class))
                .replacePath(null)
                .build()
                .toUriString();
    }
}
