package dev.postrider.inbound;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.MissingNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.camel.Body;
import org.apache.camel.Exchange;
import org.springframework.transaction.support.TransactionSynchronization;
import org.springframework.transaction.support.TransactionSynchronizationManager;

/**
 * Finds in one provider's webhooks what the database needs to know: the step of {@code kamelet:webhook-source} that YAML
 * cannot say.
 *
 * <p>A bean of the kamelet, made once per route and filled with its parameters; a mistake in them fails the route's start.
 * Safe for any thread after that.
 */
public final class WebhookReader {

    /** The exchange property with what goes to the database, as JSON. */
    static final String RECEIPT = "webhookReceipt";
    /** The exchange property with the raw bytes. */
    static final String BYTES = "webhookBody";

    /** The exchange properties that say what was found. */
    static final List<String> FIELDS = List.of("eventId", "eventType", "refId", "version", "occurredAt");

    private static final String PAYLOAD = "webhookPayload";
    private static final String CHALLENGE = "webhookChallenge";
    private static final String REFUSED_STATUS = "webhookRefusedStatus";
    /** How the reason of a receipt begins whose request the provider did not send; taken in again, it is not verified either. */
    private static final String FETCHED = "fetched";

    private static final int LONGEST_KEY = 255;

    /** How much is kept of a body that anybody may have sent: enough to see what it is. */
    private static final int UNVERIFIED_BODY = 16 << 10;

    private static final ObjectMapper JSON = JsonMapper.builder()
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .build();

    private WebhookField eventId = WebhookField.NOWHERE;
    private WebhookField refId = WebhookField.NOWHERE;
    private WebhookField version = WebhookField.NOWHERE;
    private WebhookField occurredAt = WebhookField.NOWHERE;
    private WebhookField eventType = WebhookField.NOWHERE;
    private WebhookField challenge = WebhookField.NOWHERE;
    private EventTypes wantedTypes = EventTypes.of("*");
    private EventTypes deletions = EventTypes.of("");
    private String refetch = "";

    public void setEventId(String expression) {
        eventId = WebhookField.parse("eventId", expression);
    }

    public void setRefId(String expression) {
        refId = WebhookField.parse("refId", expression);
    }

    public void setVersion(String expression) {
        version = WebhookField.parse("version", expression);
    }

    public void setOccurredAt(String expression) {
        occurredAt = WebhookField.parse("occurredAt", expression);
    }

    public void setEventType(String expression) {
        eventType = WebhookField.parse("eventType", expression);
    }

    public void setEventTypes(String patterns) {
        wantedTypes = EventTypes.of(patterns);
    }

    public void setDeletions(String patterns) {
        deletions = EventTypes.of(patterns);
    }

    public void setRefetch(String taskType) {
        refetch = taskType.strip();
    }

    public void setChallenge(String expression) {
        challenge = WebhookField.parse("challenge", expression);
    }

    /** Reads a webhook that was verified; refused or not, what the receipt shall say is then in the exchange. */
    public void read(Exchange exchange) {
        WebhookRequest request = exchange.getProperty(WebhookDoor.REQUEST, WebhookRequest.class);
        WebhookSource source = exchange.getProperty(WebhookDoor.SOURCE, WebhookSource.class);
        ObjectNode receipt = JSON.createObjectNode();
        receipt.put("sourceId", source.sourceId().toString());
        receipt.put("url", request.url());
        receipt.put("again", exchange.getProperty(WebhookDoor.AGAIN, String.class));
        receipt.set("headers", JSON.valueToTree(request.headersToKeep()));
        String forged = exchange.getProperty(WebhookVerifier.FORGED, "it was not verified", String.class);
        byte[] kept = request.body();
        if (forged.isEmpty()) {
            readBody(exchange, request, receipt);
        } else {
            reject(exchange, receipt, 401, forged);
            if (kept.length > UNVERIFIED_BODY) {
                kept = Arrays.copyOf(kept, UNVERIFIED_BODY);
                receipt.put("bodyCut", true);
            }
        }
        if (exchange.getProperty(WebhookDoor.FETCHED, false, boolean.class)) {
            String reason = receipt.path("reason").asText("");
            receipt.put("reason", reason.isEmpty() ? FETCHED : FETCHED + ": " + reason);
        }
        exchange.setProperty(RECEIPT, storable(receipt));
        exchange.setProperty(BYTES, kept);
    }

    /** Takes the database's verdict; the exchange counts as taken in when the transaction has committed. */
    public void settle(Exchange exchange, @Body Map<?, ?> row) {
        String verdict = row.get("verdict").toString();
        String receiptId = row.get("receipt_id").toString();
        Object reason = row.get("reason");
        exchange.setProperty(
                WebhookDoor.OUTCOME,
                new WebhookOutcome(
                        exchange.getProperty(REFUSED_STATUS, 200, int.class),
                        verdict,
                        reason == null ? "" : reason.toString(),
                        receiptId,
                        Optional.ofNullable(exchange.getProperty(CHALLENGE, String.class))));
        exchange.setProperty("verdict", verdict);
        exchange.setProperty("receiptId", receiptId);
        exchange.getMessage().removeHeaders("*"); // the statement's own
        exchange.getMessage().setBody(exchange.getProperty(PAYLOAD));
        TransactionSynchronizationManager.registerSynchronization(new TransactionSynchronization() {
            @Override
            public void afterCommit() {
                exchange.setProperty(WebhookDoor.COMMITTED, true);
            }
        });
    }

    private void readBody(Exchange exchange, WebhookRequest request, ObjectNode receipt) {
        JsonNode body;
        try {
            body = WebhookBody.read(request);
        } catch (IOException e) {
            reject(exchange, receipt, 400, e.getMessage());
            return;
        }
        // One in the url was not answered before, so it is no question.
        Optional<String> asked =
                challenge.read(request, MissingNode.getInstance()).isPresent()
                        ? Optional.empty()
                        : challenge.read(request, body);
        if (asked.isPresent()) {
            exchange.setProperty(CHALLENGE, asked.get());
            receipt.put("verdict", "ignored");
            receipt.put("reason", "the provider asked whether the address is ours");
            return;
        }
        Optional<String> type = eventType.read(request, body);
        type.ifPresent(value -> put(exchange, receipt, "eventType", value));
        occurredAt
                .read(request, body)
                .flatMap(StateVersion::moment)
                .ifPresent(moment -> put(exchange, receipt, "occurredAt", moment.toString()));
        Optional<String> malformed = readKeys(exchange, request, body, receipt);
        if (malformed.isPresent()) {
            reject(exchange, receipt, 400, malformed.get());
            return;
        }
        if (type.isPresent() && !wantedTypes.have(type.get())) {
            receipt.put("verdict", "ignored");
            receipt.put("reason", "the provider's route takes in %s only".formatted(wantedTypes));
        }
        if (type.isPresent() && deletions.have(type.get())) {
            receipt.put("deleted", true);
        }
        if (!refetch.isEmpty()) {
            receipt.put("refetch", refetch);
        }
        receipt.set("payload", body);
        exchange.setProperty(PAYLOAD, JSON.convertValue(body, Object.class));
    }

    /** What makes the webhook unique and orders it; a value that is there and unusable would corrupt the order. */
    private Optional<String> readKeys(Exchange exchange, WebhookRequest request, JsonNode body, ObjectNode receipt) {
        Optional<String> event = eventId.read(request, body);
        Optional<String> reference = refId.read(request, body);
        Optional<String> state = version.read(request, body);
        if (eventId.declared() && event.isEmpty()) {
            return Optional.of("there is no event id at %s".formatted(eventId));
        }
        for (Optional<String> key : List.of(event, reference)) {
            if (key.isPresent() && key.get().length() > LONGEST_KEY) {
                return Optional.of("an id has more than %d characters".formatted(LONGEST_KEY));
            }
        }
        event.ifPresent(value -> put(exchange, receipt, "eventId", value));
        reference.ifPresent(value -> put(exchange, receipt, "refId", value));
        if (state.isPresent()) {
            Optional<Long> number = state.flatMap(StateVersion::parse);
            if (number.isEmpty()) {
                return Optional.of("the version at %s is neither a whole number nor a time".formatted(version));
            }
            receipt.put("version", number.get());
            exchange.setProperty("version", number.get());
        }
        return Optional.empty();
    }

    private static void put(Exchange exchange, ObjectNode receipt, String name, String value) {
        receipt.put(name, value);
        exchange.setProperty(name, value);
    }

    private static void reject(Exchange exchange, ObjectNode receipt, int status, String reason) {
        receipt.put("verdict", "rejected");
        receipt.put("reason", reason);
        exchange.setProperty(REFUSED_STATUS, status);
    }

    /** As JSON that PostgreSQL stores: its texts hold neither U+0000 nor half a surrogate pair. The bytes are kept anyway. */
    private static String storable(JsonNode receipt) {
        try {
            String text = JSON.writeValueAsString(receipt);
            return StorableText.of(text);
        } catch (JsonProcessingException e) {
            throw new IllegalStateException("A tree of JSON is always JSON", e);
        }
    }
}
