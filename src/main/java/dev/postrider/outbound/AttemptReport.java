package dev.postrider.outbound;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.postrider.queue.DurableRedeliveryPolicy;
import dev.postrider.queue.FailureWords;
import java.net.ConnectException;
import java.net.NoRouteToHostException;
import java.net.UnknownHostException;
import java.time.Clock;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Set;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.SSLException;
import org.apache.camel.Exchange;
import org.apache.hc.client5.http.ConnectTimeoutException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Judges what came of a request by the rules of Standard Webhooks, and writes the row of the attempt. */
public final class AttemptReport {

    private static final Logger log = LoggerFactory.getLogger(AttemptReport.class);
    private static final int GONE = 410;
    private static final Set<Integer> BUSY = Set.of(429, 502, 503, 504);
    private static final long DAY = TimeUnit.DAYS.toMillis(1);

    private final Duration disableAfter;
    private final ObjectMapper json;
    private final Clock clock;
    private final DeliveryMeters meters;

    /** @param disableAfter how long an endpoint may do nothing but fail */
    AttemptReport(Duration disableAfter, ObjectMapper json, Clock clock, DeliveryMeters meters) {
        this.disableAfter = disableAfter;
        this.json = json;
        this.clock = clock;
        this.meters = meters;
    }

    /**
     * Leaves exchange properties: {@code attemptReport} (JSON, recorded with the end of the task), {@code deliveryError} (why
     * the attempt failed; not there if it did not), and with it {@code endpointGone} (410: no more, please), {@code
     * endpointPause} (milliseconds that the endpoint asks for, or 0) and {@code disableAfter} (milliseconds).
     */
    public void write(Exchange exchange) throws JsonProcessingException {
        long duration = TimeUnit.NANOSECONDS.toMillis(
                System.nanoTime() - exchange.getProperty(DeliveryPreparation.BEGUN, Long.class));
        DeliveryRequest request = exchange.getProperty(BoundedExchange.REQUEST, DeliveryRequest.class);
        DeliveryResponse response = exchange.getProperty(BoundedExchange.RESPONSE, DeliveryResponse.class);
        Exception failure = exchange.getProperty(Exchange.EXCEPTION_CAUGHT, Exception.class);
        String error = error(request, response, failure);
        if (failure != null) {
            log.debug("A delivery to {} failed", request.url().getHost(), failure); // the customer gets fewer words
        }
        DeliveryOutcome outcome = outcome(response, failure);
        meters.count(outcome);
        meters.timed(Duration.ofMillis(duration));
        Map<String, Object> row = new LinkedHashMap<>();
        row.put("endpoint_id", exchange.getProperty("endpointId"));
        row.put("outcome", outcome.tag());
        row.put("remote_address", exchange.getProperty(BoundedExchange.REMOTE_ADDRESS));
        AttemptTiming timing = exchange.getProperty(BoundedExchange.TIMING, AttemptTiming.class);
        if (timing != null) {
            row.putAll(timing.parts());
        }
        row.put("url", request.url().toString());
        row.put("headers", sentHeaders(exchange, request));
        row.put("body", request.body());
        row.put("duration", duration);
        row.put("error", error);
        row.put("response_cut", false);
        if (response != null) {
            KeptAnswer kept = KeptAnswer.of(response, request);
            row.put("response_status", kept.status());
            row.put("response_headers", kept.headers());
            row.put("response_body", kept.body());
            row.put("response_cut", kept.cut());
        }
        boolean gone = response != null && response.status() == GONE;
        exchange.setProperty("attemptReport", json.writeValueAsString(row));
        exchange.setProperty("deliveryError", error);
        if (error != null) {
            exchange.setProperty("endpointGone", gone);
            exchange.setProperty("disableAfter", disableAfter.toMillis());
            exchange.setProperty("endpointPause", slowDown(exchange, response, gone));
        }
        // Neither the answer nor the failure travels on: both are in the report.
        exchange.getMessage().removeHeaders("*");
        exchange.getMessage().setBody(null);
    }

    private static Object sentHeaders(Exchange exchange, DeliveryRequest request) {
        Object sent = exchange.getProperty(SentHeaders.SENT_HEADERS);
        if (sent != null) {
            return sent;
        }
        // Nothing went out: what would have.
        Map<String, String> planned = new LinkedHashMap<>(request.headers());
        request.secretHeaders().forEach(name -> planned.put(name, SentHeaders.MASK));
        return planned;
    }

    private static DeliveryOutcome outcome(DeliveryResponse response, Exception failure) {
        if (failure != null) {
            return outcome(failure);
        }
        int status = response == null ? 0 : response.status();
        if (status >= 200 && status < 300) {
            return DeliveryOutcome.DELIVERED;
        }
        if (status == GONE) {
            return DeliveryOutcome.GONE;
        }
        return BUSY.contains(status) ? DeliveryOutcome.BUSY : DeliveryOutcome.REFUSED;
    }

    private static DeliveryOutcome outcome(Exception failure) {
        if (failure instanceof InternalAddressException) {
            return DeliveryOutcome.BLOCKED;
        }
        if (failure instanceof DeadlineException
                || failure instanceof SlowNameException
                || failure instanceof ConnectTimeoutException) {
            return DeliveryOutcome.TIMEOUT;
        }
        if (failure instanceof UnknownHostException) {
            return DeliveryOutcome.UNRESOLVED;
        }
        if (failure instanceof SSLException) {
            return DeliveryOutcome.UNTRUSTED;
        }
        return failure instanceof ConnectException || failure instanceof NoRouteToHostException
                ? DeliveryOutcome.UNREACHABLE
                : DeliveryOutcome.BROKEN;
    }

    private static String error(DeliveryRequest request, DeliveryResponse response, Exception failure) {
        if (failure != null) {
            String answered = response == null ? "" : "answered %d, then ".formatted(response.status());
            return answered + reason(request, failure);
        }
        if (response == null) {
            return "no answer";
        }
        int status = response.status();
        if (status >= 200 && status < 300) {
            return null;
        }
        if (status == GONE) {
            return "answered 410: the endpoint wants no more deliveries and was disabled; enable it, then replay";
        }
        return status >= 300 && status < 400
                ? "answered %d: redirects are not followed; give the endpoint its final url".formatted(status)
                : "answered %d".formatted(status);
    }

    private static String reason(DeliveryRequest request, Exception failure) {
        if (failure instanceof InternalAddressException
                || failure instanceof SlowNameException
                || failure instanceof DeadlineException) {
            return failure.getMessage();
        }
        if (failure instanceof UnknownHostException) {
            return "the host %s is unknown".formatted(request.url().getHost());
        }
        return FailureWords.network(failure).orElse("the request failed");
    }

    /**
     * Sets the policy of the next attempt: none after 410, and later if the endpoint asks for it; returns for how many
     * milliseconds it does.
     */
    private long slowDown(Exchange exchange, DeliveryResponse response, boolean gone) {
        DurableRedeliveryPolicy policy =
                exchange.getProperty(DeliveryPreparation.POLICY, DurableRedeliveryPolicy.class);
        if (gone) {
            exchange.setProperty(DeliveryPreparation.POLICY, EndpointPolicy.none(policy));
            return 0;
        }
        if (response == null || !BUSY.contains(response.status())) {
            return 0;
        }
        OptionalLong wanted = RetryAfter.parse(response.headers().get("retry-after"), clock.instant());
        if (wanted.isEmpty()) {
            return 0;
        }
        meters.throttled();
        long bound = policy.getMaximumRedeliveryWindow() >= 0 ? policy.getMaximumRedeliveryWindow() : DAY;
        int failures = exchange.getProperty("failures", 0, Integer.class) + 1;
        // A tenth at most is added, so that all that was told the same moment does not come back in it.
        long jitter =
                (long) (wanted.getAsLong() * 0.1 * ThreadLocalRandom.current().nextDouble());
        long delay = Math.max(policy.delayAfter(failures), Math.min(wanted.getAsLong() + jitter, bound));
        exchange.setProperty(DeliveryPreparation.POLICY, EndpointPolicy.notBefore(policy, delay));
        return Math.min(wanted.getAsLong(), bound);
    }

    /** Counts what became of the endpoint, as {@code endpoint-failed.sql} and {@code endpoint-recovered.sql} say it. */
    public void countChange(Exchange exchange) {
        String change = exchange.getMessage().getBody(String.class);
        if (change != null) {
            meters.endpoint(change);
        }
    }
}
