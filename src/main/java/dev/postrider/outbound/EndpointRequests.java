package dev.postrider.outbound;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.postrider.api.ProblemException;
import java.net.URI;
import java.net.UnknownHostException;
import java.util.Base64;
import java.util.Map;
import java.util.UUID;
import org.apache.camel.Exchange;

/** Checks what the contract cannot say about an endpoint that a caller gives, and seals its secrets. */
public final class EndpointRequests {

    private static final String NEW_SECRET = "newSecret";
    private static final TypeReference<Map<String, String>> TEXTS = new TypeReference<>() {};

    private final AddressGuard guard;
    private final EndpointSecrets secrets;
    private final ObjectMapper json;

    EndpointRequests(AddressGuard guard, EndpointSecrets secrets, ObjectMapper json) {
        this.guard = guard;
        this.secrets = secrets;
        this.json = json;
    }

    /**
     * Turns the exchange property {@code request} into {@code endpoint}, with a new secret.
     *
     * @throws ProblemException if nothing can be delivered to it
     */
    public void create(Exchange exchange) throws JsonProcessingException {
        ObjectNode endpoint = checked(exchange);
        String secret = WebhookSignature.newSecret();
        endpoint.put("secret", Base64.getEncoder().encodeToString(secrets.sealSecret(workspaceOf(exchange), secret)));
        exchange.setProperty(NEW_SECRET, secret);
        exchange.setProperty("endpoint", endpoint.toString());
    }

    /**
     * Turns the exchange property {@code request} into {@code endpoint}; what is not given stays as it is.
     *
     * @throws ProblemException if nothing can be delivered to it
     */
    public void update(Exchange exchange) throws JsonProcessingException {
        exchange.setProperty("endpoint", checked(exchange).toString());
    }

    /** Adds the new secret to the answer; not in SQL, whose parameters a database may log. */
    public void reveal(Exchange exchange) throws JsonProcessingException {
        ObjectNode answer = (ObjectNode) json.readTree(exchange.getMessage().getBody(String.class));
        answer.put("secret", exchange.getProperty(NEW_SECRET, String.class));
        exchange.getMessage().setBody(answer.toString());
    }

    private ObjectNode checked(Exchange exchange) throws JsonProcessingException {
        ObjectNode endpoint = (ObjectNode) json.readTree(exchange.getProperty("request", String.class));
        if (endpoint.has("url")) {
            verifyReachable(endpoint.get("url").asText());
        }
        JsonNode given = endpoint.get("headers");
        if (given != null) {
            Map<String, String> headers = json.convertValue(given, TEXTS);
            try {
                CustomHeaders.verify(headers);
            } catch (IllegalArgumentException e) {
                throw problem("headers", e.getMessage());
            }
            endpoint.set("headers", json.valueToTree(secrets.sealHeaders(workspaceOf(exchange), headers)));
        }
        return endpoint;
    }

    private void verifyReachable(String text) {
        URI url;
        try {
            url = EndpointUrl.parse(text);
        } catch (IllegalArgumentException e) {
            throw problem("url", e.getMessage());
        }
        try {
            // A help for the caller; what counts is asked again at every connection.
            guard.resolve(url.getHost(), EndpointUrl.portOf(url));
        } catch (InternalAddressException e) {
            throw problem("url", e.getMessage());
        } catch (UnknownHostException e) {
            throw problem("url", "the host %s is unknown; correct its name".formatted(url.getHost()));
        }
    }

    private static ProblemException problem(String field, String message) {
        return ProblemException.field(field, message);
    }

    private static UUID workspaceOf(Exchange exchange) {
        return UUID.fromString(exchange.getProperty("workspaceId", String.class));
    }
}
