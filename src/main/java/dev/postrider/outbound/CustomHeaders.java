package dev.postrider.outbound;

import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;

/** Decides which headers an endpoint may add to its requests: none that the signature, HTTP or a proxy depends on. */
final class CustomHeaders {

    static final int MAXIMUM = 20;

    private static final int MAXIMUM_LENGTH = 4096;
    private static final Pattern NAME = Pattern.compile("[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}");
    private static final Pattern VALUE = Pattern.compile("[\\x20-\\x7e]*");
    private static final Set<String> RESERVED = Set.of(
            "connection",
            "content-encoding",
            "content-length",
            "content-type",
            "date",
            "expect",
            "host",
            "http2-settings",
            "keep-alive",
            "te",
            "trailer",
            "transfer-encoding",
            "upgrade",
            "user-agent",
            "via");

    private CustomHeaders() {}

    static boolean isReserved(String name) {
        String lower = name.toLowerCase(Locale.ROOT);
        return RESERVED.contains(lower)
                || lower.startsWith("webhook-")
                || lower.startsWith("proxy-")
                || lower.startsWith("forwarded")
                || lower.startsWith("x-forwarded-");
    }

    /**
     * @throws IllegalArgumentException if an endpoint may not have these, in words for the caller of the API
     */
    static void verify(Map<String, String> headers) {
        if (headers.size() > MAXIMUM) {
            throw new IllegalArgumentException("has more than %d entries".formatted(MAXIMUM));
        }
        Set<String> seen = new TreeSet<>(String.CASE_INSENSITIVE_ORDER);
        headers.forEach((name, value) -> {
            if (!NAME.matcher(name).matches()) {
                throw new IllegalArgumentException("\"%s\" is not the name of a header".formatted(name));
            }
            if (isReserved(name)) {
                throw new IllegalArgumentException(
                        "%s is set by Postrider and cannot be given; choose another name".formatted(name));
            }
            if (!seen.add(name)) {
                throw new IllegalArgumentException("%s is given twice".formatted(name));
            }
            if (value.length() > MAXIMUM_LENGTH || !VALUE.matcher(value).matches()) {
                throw new IllegalArgumentException("the value of %s must be printable ASCII of at most %d characters"
                        .formatted(name, MAXIMUM_LENGTH));
            }
            if (value.equals(SentHeaders.MASK)) {
                throw new IllegalArgumentException(
                        "the value of %s is the mask that hides it; give the value, or leave headers out"
                                .formatted(name));
            }
        });
    }
}
