package dev.postrider.outbound;

import java.util.Locale;

/** What came of one attempt to deliver, as the metric {@code postrider.delivery} tells it. */
enum DeliveryOutcome {
    /** Answered 2xx. */
    DELIVERED,
    /** Answered 429, 502, 503 or 504. */
    BUSY,
    /** Answered 410. */
    GONE,
    /** Answered anything else. */
    REFUSED,
    /** The deadline passed, whether or not an answer had begun. */
    TIMEOUT,
    /** The address is an internal one, so nothing was sent. */
    BLOCKED,
    /** The host's name has no address. */
    UNRESOLVED,
    /** No connection could be made. */
    UNREACHABLE,
    /** Its certificate, or what it says of TLS, cannot be trusted. */
    UNTRUSTED,
    /** The connection broke, or what came is no HTTP. */
    BROKEN,
    /** The endpoint is disabled or deleted, or nothing could be made of what is stored. */
    UNSENDABLE;

    String tag() {
        return name().toLowerCase(Locale.ROOT);
    }
}
