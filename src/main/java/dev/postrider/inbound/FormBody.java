package dev.postrider.inbound;

import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** A body of the type {@value #TYPE}, and the query of a url, which has the same form. */
public final class FormBody {

    static final String TYPE = "application/x-www-form-urlencoded";

    private FormBody() {}

    /** The fields in their order, each with its values; empty when the text is of no such form. */
    public static Optional<Map<String, List<String>>> parse(byte[] body) {
        return parse(new String(body, StandardCharsets.UTF_8));
    }

    static Optional<Map<String, List<String>>> parse(String text) {
        Map<String, List<String>> fields = new LinkedHashMap<>();
        try {
            for (String field : text.split("&")) {
                if (!field.isEmpty()) {
                    String[] pair = field.split("=", 2);
                    fields.computeIfAbsent(decode(pair[0]), name -> new ArrayList<>())
                            .add(pair.length == 2 ? decode(pair[1]) : "");
                }
            }
        } catch (IllegalArgumentException e) { // half of a %-sequence
            return Optional.empty();
        }
        return Optional.of(fields);
    }

    private static String decode(String text) {
        return URLDecoder.decode(text, StandardCharsets.UTF_8);
    }
}
