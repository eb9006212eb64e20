package dev.postrider.outbound;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.LongNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.postrider.api.ProblemException;
import java.net.URI;
import java.net.UnknownHostException;
import java.time.Clock;
import java.time.Duration;
import java.util.Base64;
import java.util.Map;
import java.util.UUID;
import org.apache.camel.Exchange;

/** Checks what the contract cannot say about an endpoint that a caller gives, and seals its secrets. */
public final class EndpointRequests {

    /** Somebody waits for the answer. */
    private static final Duration LOOKUP = Duration.ofSeconds(5);

    private static final Duration OVERLAP = Duration.ofHours(24);
    private static final String NEW_SECRET = "newSecret";
    private static final TypeReference<Map<String, String>> TEXTS = new TypeReference<>() {};

    private final AddressGuard guard;
    private final EndpointSecrets secrets;
    private final ObjectMapper json;
    private final Clock clock;

    EndpointRequests(AddressGuard guard, EndpointSecrets secrets, ObjectMapper json, Clock clock) {
        this.guard = guard;
        this.secrets = secrets;
        this.json = json;
        this.clock = clock;
    }

    /**
     * Turns the exchange property {@code request} into {@code endpoint}, with a new secret.
     *
     * @throws ProblemException if nothing can be delivered to it
     */
    public void create(Exchange exchange) throws JsonProcessingException {
        ObjectNode endpoint = checked(exchange);
        boolean asymmetric = endpoint.path("signature").asText("v1").equals("v1a");
        EndpointKeys keys =
                EndpointKeys.of(asymmetric ? WebhookSignature.newPrivateKey() : WebhookSignature.newSecret());
        seal(exchange, endpoint, certified(endpoint, keys));
        show(exchange, endpoint, keys.secret());
        exchange.setProperty("endpoint", endpoint.toString());
    }

    /**
     * Turns the exchange property {@code request} into {@code endpoint}; what is not given stays as it is.
     *
     * @throws ProblemException if nothing can be delivered to it
     */
    public void update(Exchange exchange) throws JsonProcessingException {
        ObjectNode endpoint = checked(exchange);
        exchange.setProperty("endpointSealed", endpoint.has("clientCertificate"));
        exchange.setProperty("endpoint", endpoint.toString());
    }

    /** Adds the client certificate of the exchange property {@code endpoint} to the keys that the body holds. */
    public void certify(Exchange exchange) throws JsonProcessingException {
        ObjectNode endpoint = (ObjectNode) json.readTree(exchange.getProperty("endpoint", String.class));
        byte[] sealed = exchange.getMessage().getBody(byte[].class); // null: there is no such endpoint
        if (sealed != null) {
            seal(exchange, endpoint, certified(endpoint, secrets.openKeys(workspaceOf(exchange), sealed)));
        }
        exchange.setProperty("endpoint", endpoint.toString());
    }

    /** Gives the keys that the body holds a new secret; the one before stays valid for the overlap that is asked for. */
    public void rotate(Exchange exchange) throws JsonProcessingException {
        ObjectNode endpoint = (ObjectNode) json.readTree(exchange.getProperty("request", String.class));
        byte[] sealed = exchange.getMessage().getBody(byte[].class); // null: there is no such endpoint
        if (sealed != null) {
            Duration overlap = Duration.ofMillis(endpoint.path("overlap").asLong(OVERLAP.toMillis()));
            EndpointKeys keys = secrets.openKeys(workspaceOf(exchange), sealed);
            String next = WebhookSignature.publicKey(keys.secret()) == null
                    ? WebhookSignature.newSecret()
                    : WebhookSignature.newPrivateKey();
            seal(exchange, endpoint, keys.rotated(next, clock.instant(), overlap));
            show(exchange, endpoint, next);
        }
        exchange.setProperty("endpoint", endpoint.toString());
    }

    private void seal(Exchange exchange, ObjectNode endpoint, EndpointKeys keys) throws JsonProcessingException {
        endpoint.put("secret", Base64.getEncoder().encodeToString(secrets.sealKeys(workspaceOf(exchange), keys)));
    }

    /** The keys with the certificate that is given; in the request only its description stays. */
    private static EndpointKeys certified(ObjectNode endpoint, EndpointKeys keys) {
        JsonNode pem = endpoint.get("clientCertificate");
        if (pem == null) {
            return keys;
        }
        if (pem.isNull()) {
            return keys.withClientCertificate(null);
        }
        try {
            endpoint.put(
                    "clientCertificate", ClientCertificate.parse(pem.asText()).description());
        } catch (IllegalArgumentException e) {
            throw problem("clientCertificate", e.getMessage());
        }
        return keys.withClientCertificate(pem.asText());
    }

    private static void show(Exchange exchange, ObjectNode endpoint, String secret) {
        exchange.setProperty(NEW_SECRET, secret);
        endpoint.put("publicKey", WebhookSignature.publicKey(secret));
    }

    /** Adds the new secret to the answer; not in SQL, whose parameters a database may log. */
    public void reveal(Exchange exchange) throws JsonProcessingException {
        String body = exchange.getMessage().getBody(String.class);
        if (body == null) {
            return; // there is no such endpoint
        }
        ObjectNode answer = (ObjectNode) json.readTree(body);
        answer.put("secret", exchange.getProperty(NEW_SECRET, String.class));
        exchange.getMessage().setBody(answer.toString());
    }

    private ObjectNode checked(Exchange exchange) throws JsonProcessingException {
        ObjectNode endpoint = (ObjectNode) json.readTree(exchange.getProperty("request", String.class));
        normalise(endpoint);
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

    /** 1000.0 and 1e3 are integers for JSON Schema, but not for PostgreSQL. */
    private static void normalise(ObjectNode object) {
        object.properties().forEach(field -> {
            JsonNode value = field.getValue();
            if (value instanceof ObjectNode inner) {
                normalise(inner);
            } else if (value.isFloatingPointNumber() && value.canConvertToExactIntegral() && value.canConvertToLong()) {
                field.setValue(LongNode.valueOf(value.longValue()));
            }
        });
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
            guard.resolve(url.getHost(), EndpointUrl.portOf(url), LOOKUP);
        } catch (InternalAddressException | SlowNameException e) {
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
