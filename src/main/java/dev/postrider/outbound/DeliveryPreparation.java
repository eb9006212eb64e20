package dev.postrider.outbound;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.postrider.Discard;
import dev.postrider.Snooze;
import dev.postrider.queue.DurableRedeliveryPolicy;
import java.net.URI;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.UUID;
import java.util.function.IntSupplier;
import java.util.stream.Collectors;
import org.apache.camel.Exchange;
import org.apache.camel.component.http.HttpConstants;
import org.apache.camel.support.SynchronizationAdapter;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.dao.DataAccessException;

/** Makes the signed request of a delivery from its endpoint and event. */
public final class DeliveryPreparation {

    /** Property of the exchange that the queue reads: the redelivery policy of this task. */
    static final String POLICY = "redeliveryPolicy";

    /** Property of the exchange: when the request began, in nanoseconds of this machine. */
    static final String BEGUN = "deliveryBegun";

    private static final String DEFAULT_POLICY = "deliveryRedelivery";
    private static final TypeReference<Map<String, String>> TEXTS = new TypeReference<>() {};

    private static final Logger log = LoggerFactory.getLogger(DeliveryPreparation.class);
    private static final Duration WHILE_SUSPENDED = Duration.ofMinutes(1);
    private static final Duration WITHOUT_DATABASE = Duration.ofSeconds(2);
    /** Milliseconds. */
    private static final long WITHOUT_PLACE = 1_000;

    private final DeliveryLoader deliveries;
    private final EndpointSecrets secrets;
    private final EndpointLanes lanes;
    private final IntSupplier places;
    private final int concurrency;
    private final ObjectMapper json;
    private final Clock clock;
    private final DeliveryMeters meters;

    /**
     * @param places how many deliveries this node has under way at most
     * @param concurrency deliveries to one endpoint at once, unless it has a limit of its own
     */
    DeliveryPreparation(
            DeliveryLoader deliveries,
            EndpointSecrets secrets,
            EndpointLanes lanes,
            IntSupplier places,
            int concurrency,
            ObjectMapper json,
            Clock clock,
            DeliveryMeters meters) {
        this.deliveries = deliveries;
        this.secrets = secrets;
        this.lanes = lanes;
        this.places = places;
        this.concurrency = concurrency;
        this.json = json;
        this.clock = clock;
        this.meters = meters;
    }

    /** Deliveries to one endpoint at once, unless it has a limit of its own. */
    public int concurrency() {
        return concurrency;
    }

    /**
     * Puts the request into the exchange, and its body and origin where camel-http takes them; or, if the endpoint cannot
     * take it now, the property {@code deliveryHeld}: what is under way to it, as an array of PostgreSQL.
     *
     * @throws Discard if the endpoint was deleted: nobody waits for this delivery any more
     * @throws Snooze if the database does not answer, or the workspace is suspended
     * @throws DeliveryException if it cannot be sent now; it is a dead letter at once, to be replayed when that is mended
     */
    public void prepare(Exchange exchange) throws DeliveryException, JsonProcessingException, InterruptedException {
        try {
            prepareOrThrow(exchange);
        } catch (Snooze putBack) {
            throw putBack;
        } catch (Exception e) {
            meters.count(DeliveryOutcome.UNSENDABLE);
            throw e;
        }
    }

    private void prepareOrThrow(Exchange exchange)
            throws DeliveryException, JsonProcessingException, InterruptedException {
        UUID workspace = UUID.fromString(exchange.getProperty("workspaceId", String.class));
        UUID delivery = UUID.fromString(exchange.getProperty("taskId", String.class));
        Map<?, ?> row = load(exchange, workspace, delivery);
        exchange.getMessage().removeHeaders("*");
        if (row == null) {
            throw new Discard("the delivery is not stored any more");
        }
        if (!row.get("workspace_status").equals("active")) {
            throw new Snooze(WHILE_SUSPENDED); // what is deleted ends by itself
        }
        Object endpointId = row.get("endpoint_id");
        exchange.setProperty("endpointId", String.valueOf(endpointId));
        if (Boolean.TRUE.equals(row.get("deleted"))) {
            throw new Discard("endpoint %s was deleted".formatted(endpointId));
        }
        DurableRedeliveryPolicy policy =
                EndpointPolicy.over(defaultPolicy(exchange), json.readTree((String) row.get("redelivery_policy")));
        exchange.setProperty(POLICY, EndpointPolicy.none(policy));
        if (!Boolean.TRUE.equals(row.get("enabled"))) {
            Object reason = row.get("disabled_reason");
            throw new DeliveryException("endpoint %s is disabled%s; enable it, then replay this delivery"
                    .formatted(endpointId, reason == null ? "" : " (" + reason + ")"));
        }
        if (Boolean.TRUE.equals(row.get("too_large"))) {
            throw new DeliveryException(
                    "the payload of event %s is larger than 1 MiB, and is not delivered; publish a smaller one"
                            .formatted(row.get("event_id")));
        }
        if (row.get("body") == null) {
            throw new DeliveryException("event %s is older than events are kept".formatted(row.get("event_id")));
        }
        if (Boolean.TRUE.equals(row.get("expired"))) {
            throw new DeliveryException(
                    "its redelivery window passed while endpoint %s could not take it; replay it when it can"
                            .formatted(endpointId));
        }
        exchange.setProperty("endpointFailing", row.get("failing"));
        if (isHeld(exchange, workspace, delivery, row)) {
            return;
        }
        DeliveryRequest request = request(workspace, row);
        exchange.setProperty("endpointUrl", row.get("url"));
        exchange.setProperty(POLICY, policy);
        exchange.setProperty(BoundedExchange.REQUEST, request);
        exchange.getMessage().setHeader(HttpConstants.HTTP_URI, request.origin());
        exchange.getMessage().setBody(request.body());
        exchange.setProperty(BEGUN, System.nanoTime());
    }

    private static DurableRedeliveryPolicy defaultPolicy(Exchange exchange) {
        return exchange.getContext().getRegistry().lookupByNameAndType(DEFAULT_POLICY, DurableRedeliveryPolicy.class);
    }

    /** Who cannot ask the database has not failed at its endpoint; what the database cannot read never can be sent. */
    private Map<?, ?> load(Exchange exchange, UUID workspace, UUID delivery) throws DeliveryException {
        try {
            return deliveries.load(workspace, delivery);
        } catch (DataAccessException e) {
            String unreadable = DeliveryLoader.unreadable(e);
            if (unreadable != null) {
                exchange.setProperty(POLICY, EndpointPolicy.none(defaultPolicy(exchange)));
                throw new DeliveryException(
                        "what is stored of its endpoint or event cannot be read (%s); correct it, then replay this delivery"
                                .formatted(unreadable));
            }
            log.warn("Delivery {} could not be loaded, and is put back: {}", delivery, e.getMessage());
            throw new Snooze(WITHOUT_DATABASE);
        }
    }

    private boolean isHeld(Exchange exchange, UUID workspace, UUID delivery, Map<?, ?> row)
            throws InterruptedException {
        UUID endpoint = (UUID) row.get("endpoint_id");
        int most = row.get("concurrency") instanceof Number own ? own.intValue() : concurrency;
        exchange.setProperty("endpointConcurrency", most);
        if (Boolean.TRUE.equals(row.get("held"))) {
            boolean circuit = Boolean.TRUE.equals(row.get("failing"));
            int limit = circuit || row.get("concurrency") != null ? most : 0;
            hold(exchange, circuit ? "circuit" : "limit", lanes.deliveries(endpoint), limit, 0);
            return true;
        }
        Optional<Set<UUID>> instead = lanes.enter(workspace, endpoint, delivery, most, places.getAsInt());
        if (instead.isPresent()) {
            // The end of one lets the next go; where nothing is under way, nothing ends.
            int underWay = instead.get().size();
            hold(exchange, "slow", instead.get(), Math.max(1, underWay), underWay == 0 ? WITHOUT_PLACE : 0);
            return true;
        }
        exchange.getExchangeExtension().addOnCompletion(new SynchronizationAdapter() {
            @Override
            public void onDone(Exchange done) {
                lanes.leave(workspace, endpoint, delivery);
            }
        });
        return false;
    }

    /**
     * @param most how many the endpoint may have at once from now on; 0: no fewer than before
     * @param pause milliseconds in which it may have none
     */
    private void hold(Exchange exchange, String by, Set<UUID> underWay, int most, long pause) {
        meters.held(by);
        exchange.setProperty("endpointPlaces", most);
        exchange.setProperty("deliveryPause", pause);
        exchange.setProperty(
                "deliveryHeld", underWay.stream().map(UUID::toString).collect(Collectors.joining(",", "{", "}")));
    }

    private DeliveryRequest request(UUID workspaceId, Map<?, ?> row) throws DeliveryException, JsonProcessingException {
        URI url;
        try {
            url = EndpointUrl.parse((String) row.get("url"));
        } catch (IllegalArgumentException e) {
            throw new DeliveryException("%s: %s".formatted(row.get("url"), e.getMessage()));
        }
        EndpointKeys keys = secrets.openKeys(workspaceId, (byte[]) row.get("secret"));
        Map<String, String> own = secrets.openHeaders(workspaceId, json.readValue((String) row.get("headers"), TEXTS));
        String id = String.valueOf(row.get("event_id"));
        String body = (String) row.get("body");
        Instant now = clock.instant();
        long timestamp = now.getEpochSecond();
        Map<String, String> headers = new LinkedHashMap<>();
        Set<String> hidden = new TreeSet<>(String.CASE_INSENSITIVE_ORDER);
        own.forEach((name, value) -> {
            if (!CustomHeaders.isReserved(name)) {
                headers.put(name, value);
                hidden.add(name);
            }
        });
        headers.put("content-type", "application/json");
        headers.put("webhook-id", id);
        headers.put("webhook-timestamp", Long.toString(timestamp));
        List<String> signing = keys.signing(now);
        if (signing.size() > 1) {
            meters.overlap();
        }
        headers.put("webhook-signature", WebhookSignature.sign(signing, id, timestamp, body));
        return new DeliveryRequest(
                url,
                headers,
                hidden,
                body,
                keys.clientCertificate(),
                Duration.ofMillis(((Number) row.get("timeout")).longValue()));
    }
}
