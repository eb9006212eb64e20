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
    /** The connection failed or broke. */
    UNREACHABLE,
    /** The endpoint is disabled or deleted, or nothing could be made of what is stored. */
    UNSENDABLE;

    String tag() {
        return name().toLowerCase(Locale.ROOT);
    }
}
