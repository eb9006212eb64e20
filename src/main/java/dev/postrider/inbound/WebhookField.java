package dev.postrider.inbound;

import com.fasterxml.jackson.databind.JsonNode;
import com.jayway.jsonpath.Configuration;
import com.jayway.jsonpath.InvalidPathException;
import com.jayway.jsonpath.JsonPath;
import com.jayway.jsonpath.Option;
import com.jayway.jsonpath.spi.json.JacksonJsonNodeJsonProvider;
import com.jayway.jsonpath.spi.mapper.JacksonMappingProvider;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Where a provider puts one thing, such as its event's id: {@code $.data.object.id}, {@code header:X-GitHub-Delivery}, or
 * several of these separated by {@code |}, of which the first that yields a value counts.
 */
final class WebhookField {

    private static final String HEADER = "header:";
    private static final Configuration JSON = Configuration.builder()
            .jsonProvider(new JacksonJsonNodeJsonProvider())
            .mappingProvider(new JacksonMappingProvider())
            .options(Option.SUPPRESS_EXCEPTIONS)
            .build();

    /** For what a route does not declare. */
    static final WebhookField NOWHERE = new WebhookField("", List.of());

    private final String expression;
    private final List<Place> places;

    private WebhookField(String expression, List<Place> places) {
        this.expression = expression;
        this.places = places;
    }

    /**
     * Reads the parameter of a route; an empty one is nowhere.
     *
     * @throws IllegalArgumentException saying which part cannot be understood
     */
    static WebhookField parse(String name, String expression) {
        List<Place> places = new ArrayList<>();
        if (!expression.isBlank()) {
            for (String part : expression.split("\\|", -1)) {
                places.add(place(name, part.strip()));
            }
        }
        return new WebhookField(expression.strip(), places);
    }

    /** Whether the route says where this thing is. */
    boolean declared() {
        return !places.isEmpty();
    }

    /** The text or number at the first place that has one. */
    Optional<String> read(WebhookRequest request, JsonNode body) {
        return places.stream()
                .flatMap(place -> place.read(request, body).stream())
                .filter(value -> !value.isBlank())
                .findFirst();
    }

    /** As the route wrote it. */
    @Override
    public String toString() {
        return expression;
    }

    private static Place place(String name, String text) {
        if (text.startsWith(HEADER) && text.length() > HEADER.length()) {
            String header = text.substring(HEADER.length()).strip();
            return (request, body) -> request.header(header);
        }
        if (text.startsWith("$")) {
            try {
                JsonPath path = JsonPath.compile(text);
                if (path.isDefinite()) {
                    return (request, body) -> scalar(path.read(body, JSON));
                }
            } catch (InvalidPathException e) {
                throw misunderstood(name, text, e);
            }
        }
        throw misunderstood(name, text, null);
    }

    private static Optional<String> scalar(JsonNode node) {
        return node != null && node.isValueNode() && !node.isNull() ? Optional.of(node.asText()) : Optional.empty();
    }

    private static IllegalArgumentException misunderstood(String name, String text, Throwable cause) {
        return new IllegalArgumentException(
                "The parameter \"%s\" of kamelet:webhook-source has \"%s\"; write a JSONPath to one value ($.data.object.id), or header:<name>."
                        .formatted(name, text),
                cause);
    }

    private interface Place {
        Optional<String> read(WebhookRequest request, JsonNode body);
    }
}
