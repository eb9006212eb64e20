package dev.postrider.outbound;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/**
 * What is stored of an endpoint's answer: without the values of the endpoint's own headers, which some send back, and of its
 * headers not more than fits.
 *
 * @param cut whether the body or the headers were longer
 */
record KeptAnswer(int status, Map<String, String> headers, String body, boolean cut) {

    /** Characters of all headers, names included. */
    static final int HEADERS = 16_384;

    /** What is shorter is no secret that deserves the name, and stands in answers by chance: true, staging. */
    private static final int SHORTEST_SECRET = 8;

    static KeptAnswer of(DeliveryResponse response, DeliveryRequest request) {
        List<String> secrets = secrets(request);
        Map<String, String> headers = new LinkedHashMap<>();
        int room = HEADERS;
        boolean cut = response.cut();
        for (Map.Entry<String, String> header : response.headers().entrySet()) {
            String value = masked(header.getValue(), secrets);
            room -= header.getKey().length();
            if (value.length() > room) {
                cut = true;
                if (room > 0) {
                    headers.put(header.getKey(), beginning(value, room));
                }
                break;
            }
            headers.put(header.getKey(), value);
            room -= value.length();
        }
        String body = masked(response.body(), secrets);
        return new KeptAnswer(
                response.status(), headers, response.cut() ? withoutBeginningOfSecret(body, secrets) : body, cut);
    }

    /** The values, without their scheme such as Bearer too, and as JSON writes them; the longest first. */
    private static List<String> secrets(DeliveryRequest request) {
        List<String> values = new ArrayList<>();
        for (String name : request.secretHeaders()) {
            String value = request.headers().get(name).strip();
            values.add(value);
            values.add(value.substring(value.indexOf(' ') + 1));
        }
        return values.stream()
                .flatMap(value -> {
                    String escaped = value.replace("\\", "\\\\").replace("\"", "\\\"");
                    return Stream.of(value, escaped, escaped.replace("/", "\\/"));
                })
                .filter(value -> value.length() >= SHORTEST_SECRET)
                .distinct()
                .sorted(Comparator.comparingInt(String::length).reversed())
                .toList();
    }

    private static String masked(String text, List<String> secrets) {
        String masked = text;
        for (String secret : secrets) {
            masked = masked.replace(secret, SentHeaders.MASK);
        }
        return masked;
    }

    /** A text that was cut may end within a secret. */
    private static String withoutBeginningOfSecret(String text, List<String> secrets) {
        for (String secret : secrets) {
            for (int length = secret.length() - 1; length >= SHORTEST_SECRET; length--) {
                if (text.endsWith(secret.substring(0, length))) {
                    return text.substring(0, text.length() - length) + SentHeaders.MASK;
                }
            }
        }
        return text;
    }

    private static String beginning(String text, int length) {
        // Not half of a pair, which JSON cannot say.
        int end = Character.isHighSurrogate(text.charAt(length - 1)) ? length - 1 : length;
        return text.substring(0, end) + "…";
    }
}
