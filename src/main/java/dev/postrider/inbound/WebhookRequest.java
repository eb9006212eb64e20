package dev.postrider.inbound;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;

/**
 * A webhook as it came in: the raw bytes that were signed, the headers, and the url.
 *
 * @param method POST, or GET when a provider asks whether the address is ours
 * @param url as the sender called it, with its query
 * @param headers every header and its values; names are found in any case
 * @param body the bytes, unchanged; neither side writes to them
 */
public record WebhookRequest(String method, String url, Map<String, List<String>> headers, byte[] body) {

    private static final Set<String> CREDENTIALS = Set.of("authorization", "proxy-authorization", "cookie");

    public WebhookRequest {
        TreeMap<String, List<String>> anyCase = new TreeMap<>(String.CASE_INSENSITIVE_ORDER);
        anyCase.putAll(headers);
        headers = anyCase;
    }

    /** The first value of a header. */
    public Optional<String> header(String name) {
        return headers.getOrDefault(name, List.of()).stream().findFirst();
    }

    /** Why a request is refused in which a header is missing, or there more than once, so that readers could differ; empty when it is there once. */
    public Optional<String> refusalUnlessOnce(String header) {
        int values = headers.getOrDefault(header, List.of()).size();
        return switch (values) {
            case 0 -> Optional.of("the header %s is missing".formatted(header));
            case 1 -> Optional.empty();
            default -> Optional.of("the header %s is there %d times".formatted(header, values));
        };
    }

    /** The first value of a parameter of the url. */
    public Optional<String> query(String name) {
        int start = url.indexOf('?');
        return start < 0
                ? Optional.empty()
                : FormBody.parse(url.substring(start + 1))
                        .map(fields -> fields.getOrDefault(name, List.of()))
                        .flatMap(values -> values.stream().findFirst());
    }

    /** Whether the body is {@code application/x-www-form-urlencoded}. */
    public boolean isForm() {
        return header("Content-Type")
                .filter(type -> type.toLowerCase(Locale.ROOT).startsWith(FormBody.TYPE))
                .isPresent();
    }

    /** What a receipt may keep: all headers but those that are somebody's credentials. */
    public Map<String, List<String>> headersToKeep() {
        Map<String, List<String>> kept = new LinkedHashMap<>();
        headers.forEach((name, values) -> {
            if (!CREDENTIALS.contains(name.toLowerCase(Locale.ROOT))) {
                kept.put(name, values);
            }
        });
        return kept;
    }
}
