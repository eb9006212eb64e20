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
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;

/**
 * Where a provider puts one thing, such as its event's id: {@code $.data.object.id}, {@code header:X-GitHub-Delivery},
 * {@code query:hub.challenge}, or several of these separated by {@code |}, of which the first that yields a value counts.
 * {@code header:X-Shopify-Topic ~ ^[^/]*} takes what a regular expression finds there, and {@code a and b} joins two by a colon.
 *
 * <p>No part of it may need a {@code &}, {@code +} or {@code %}: Camel writes a route's parameters into a url, unescaped. Nor is
 * it a slash that joins, which no path of the API could hold.
 */
final class WebhookField {

    private static final String HEADER = "header:";
    private static final String QUERY = "query:";
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

    /** Two that are joined have a value only together. */
    private static Place place(String name, String text) {
        String[] joined = text.split(" and ", 2);
        if (joined.length == 2) {
            Place first = place(name, joined[0].strip());
            Place second = place(name, joined[1].strip());
            return (request, body) -> first.read(request, body)
                    .flatMap(one -> second.read(request, body).map(other -> one + ":" + other));
        }
        String[] matched = text.split(" ~ ", 2);
        if (matched.length == 2) {
            Place whole = place(name, matched[0].strip());
            Pattern pattern = pattern(name, matched[1].strip());
            return (request, body) -> whole.read(request, body)
                    .map(pattern::matcher)
                    .filter(Matcher::find)
                    .map(Matcher::group);
        }
        return simple(name, text);
    }

    private static Pattern pattern(String name, String regex) {
        try {
            return Pattern.compile(regex);
        } catch (PatternSyntaxException e) {
            throw misunderstood(name, regex, e);
        }
    }

    private static Place simple(String name, String text) {
        if (text.startsWith(HEADER) && text.length() > HEADER.length()) {
            String header = text.substring(HEADER.length()).strip();
            return (request, body) -> request.header(header);
        }
        if (text.startsWith(QUERY) && text.length() > QUERY.length()) {
            String parameter = text.substring(QUERY.length()).strip();
            return (request, body) -> request.query(parameter);
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
                "The parameter \"%s\" of kamelet:webhook-source has \"%s\"; write a JSONPath to one value ($.data.object.id), header:<name> or query:<name>."
                        .formatted(name, text),
                cause);
    }

    private interface Place {
        Optional<String> read(WebhookRequest request, JsonNode body);
    }
}
