package dev.postrider.inbound;

import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.UUID;
import org.apache.camel.Exchange;

/**
 * Bounds how many receipts a source gets of requests that are not its provider's, so that nobody fills the database who
 * only knows an address.
 *
 * <p>A bucket per source on this node: a minute's worth at once, refilled as the minute goes by. Safe for any thread.
 */
public final class UnverifiedReceipts {

    /** The sources whose buckets are remembered; one that nobody troubles is full anyway. */
    private static final int SOURCES = 10_000;

    private static final double NANOS_OF_A_MINUTE = Duration.ofMinutes(1).toNanos();

    private final int perMinute;
    private final Clock clock;
    private final Map<UUID, Bucket> buckets = new LinkedHashMap<>(16, 0.75f, true) {
        @Override
        protected boolean removeEldestEntry(Map.Entry<UUID, Bucket> eldest) {
            return size() > SOURCES;
        }
    };

    private record Bucket(double tokens, Instant at) {}

    UnverifiedReceipts(int perMinute, Clock clock) {
        this.perMinute = perMinute;
        this.clock = clock;
    }

    /** Lets a webhook pass that was verified, or of which a receipt may be kept; any other has its outcome then. */
    public void admit(Exchange exchange) {
        boolean verified =
                exchange.getProperty(WebhookVerifier.FORGED, "-", String.class).isEmpty();
        WebhookSource source = exchange.getProperty(WebhookDoor.SOURCE, WebhookSource.class);
        boolean again = exchange.getProperty(WebhookDoor.AGAIN) != null; // nobody has sent it now
        if (!verified && !again && !take(source.sourceId())) {
            exchange.setProperty(
                    WebhookDoor.OUTCOME,
                    WebhookOutcome.refused(
                            429,
                            "throttled",
                            "its signature is not good, and this source had %d of that kind in a minute (postrider.limits.unverified-receipts)"
                                    .formatted(perMinute)));
            exchange.setProperty(WebhookDoor.COMMITTED, true); // nothing is written
        }
    }

    synchronized boolean take(UUID sourceId) {
        Instant now = clock.instant();
        Bucket before = buckets.getOrDefault(sourceId, new Bucket(perMinute, now));
        // A clock that was put back refills nothing.
        double refill = Math.max(0, Duration.between(before.at, now).toNanos()) / NANOS_OF_A_MINUTE * perMinute;
        double tokens = Math.min(perMinute, before.tokens + refill);
        buckets.put(sourceId, new Bucket(tokens >= 1 ? tokens - 1 : tokens, now));
        return tokens >= 1;
    }
}
