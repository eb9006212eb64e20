package dev.postrider.outbound;

import java.time.DateTimeException;
import java.time.Duration;
import java.time.Instant;
import java.time.format.DateTimeFormatter;
import java.util.OptionalLong;

/** Reads the header Retry-After: seconds, or an HTTP date. */
final class RetryAfter {

    private RetryAfter() {}

    /** Milliseconds from now on, at least 0; empty if the value is neither of the two. */
    static OptionalLong parse(String value, Instant now) {
        String text = value == null ? "" : value.strip();
        if (text.matches("\\d{1,9}")) {
            return OptionalLong.of(Long.parseLong(text) * 1000);
        }
        try {
            Instant until = Instant.from(DateTimeFormatter.RFC_1123_DATE_TIME.parse(text));
            return OptionalLong.of(Math.max(0, Duration.between(now, until).toMillis()));
        } catch (DateTimeException e) {
            return OptionalLong.empty();
        }
    }
}
