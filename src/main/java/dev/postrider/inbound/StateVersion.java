package dev.postrider.inbound;

import java.math.BigDecimal;
import java.time.DateTimeException;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.Optional;
import java.util.regex.Pattern;

/** Reads what providers order their objects' states by: a counter, seconds since 1970, or a time of RFC 3339. */
public final class StateVersion {

    private static final Pattern SECONDS = Pattern.compile("[0-9]{1,11}(\\.[0-9]{1,9})?");
    private static final int LONGEST = 40;
    /** Years have four digits in RFC 3339, and Java, which knows more of them, would write them as PostgreSQL cannot read. */
    private static final Instant FIRST = Instant.parse("0001-01-01T00:00:00Z");

    private static final Instant END = Instant.parse("+10000-01-01T00:00:00Z");

    private StateVersion() {}

    /** A whole number as it is, a time as milliseconds since 1970; empty for anything else. */
    static Optional<Long> parse(String text) {
        return whole(text).or(() -> time(text).map(Instant::toEpochMilli));
    }

    /**
     * The same for a route.
     *
     * @throws IllegalArgumentException for anything else, which would corrupt the order
     */
    public static long read(String text) {
        return parse(text == null ? "" : text)
                .orElseThrow(() -> new IllegalArgumentException(
                        "The version of a mirrored state is \"%s\"; it has to be a whole number or a time of RFC 3339"
                                .formatted(text)));
    }

    /** A moment, from seconds since 1970 (perhaps with a fraction) or RFC 3339; empty for anything else. */
    static Optional<Instant> moment(String text) {
        if (!SECONDS.matcher(text.strip()).matches()) {
            return time(text);
        }
        BigDecimal seconds = new BigDecimal(text.strip());
        long nanos = seconds.remainder(BigDecimal.ONE).movePointRight(9).longValue();
        return Optional.of(Instant.ofEpochSecond(seconds.longValue(), nanos));
    }

    private static Optional<Long> whole(String text) {
        try {
            return text.strip().length() > LONGEST
                    ? Optional.empty()
                    : Optional.of(new BigDecimal(text.strip()).longValueExact());
        } catch (ArithmeticException | NumberFormatException e) {
            return Optional.empty();
        }
    }

    private static Optional<Instant> time(String text) {
        try {
            Instant time = OffsetDateTime.parse(text.strip()).toInstant();
            return time.isBefore(FIRST) || !time.isBefore(END) ? Optional.empty() : Optional.of(time);
        } catch (DateTimeException e) {
            return Optional.empty();
        }
    }
}
