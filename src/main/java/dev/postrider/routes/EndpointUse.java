package dev.postrider.routes;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;

/**
 * A place in a route file that names an endpoint, in whichever of YAML's spellings.
 *
 * @param step the key it stands under: {@code from}, {@code to}, {@code toD} …
 * @param uri without its query
 * @param parameters of the query and of {@code parameters} together
 */
record EndpointUse(YamlNode at, String step, String uri, Map<String, String> parameters) {

    private static final Set<String> STEPS =
            Set.of("from", "to", "toD", "wireTap", "poll", "kamelet", "interceptFrom", "interceptSendToEndpoint");

    /** Steps whose endpoint is an expression. */
    private static final Set<String> COMPUTED =
            Set.of("enrich", "pollEnrich", "recipientList", "routingSlip", "dynamicRouter");

    /** The endpoints at and below a node; what stands under {@code parameters} is a value, not a step. */
    static List<EndpointUse> below(YamlNode node) {
        List<EndpointUse> found = new ArrayList<>();
        collect(node, found);
        return found;
    }

    /** Where a route starts. */
    static Stream<EndpointUse> starts(YamlNode route) {
        return below(route).stream().filter(use -> use.step().equals("from"));
    }

    private static void collect(YamlNode node, List<EndpointUse> found) {
        node.items().forEach(item -> collect(item, found));
        node.entries().forEach((key, value) -> {
            if (key.equals("parameters") || key.equals("properties")) {
                return;
            }
            if (STEPS.contains(key)) {
                String uri = key.equals("kamelet") ? kamelet(value) : uri(value);
                if (!uri.isEmpty()) {
                    found.add(of(value, key, uri));
                }
            }
            if (COMPUTED.contains(key)) {
                computed(value, key, found);
            }
            collect(value, found);
        });
    }

    private static String uri(YamlNode value) {
        return value.isMap() ? value.text("uri") : value.text();
    }

    private static void computed(YamlNode value, String step, List<EndpointUse> found) {
        YamlNode holder = value.get("expression").filter(YamlNode::isMap).orElse(value);
        for (String language : List.of("constant", "simple")) {
            holder.get(language).ifPresent(expression -> {
                String text = expression.isMap() ? expression.text("expression") : expression.text();
                for (String uri : text.split("\\s*,\\s*")) {
                    if (uri.contains(":")) {
                        found.add(of(value, step, uri));
                    }
                }
            });
        }
    }

    private static String kamelet(YamlNode value) {
        String name = value.isMap() ? value.text("name") : value.text();
        return name.isEmpty() ? "" : "kamelet:" + name;
    }

    private static EndpointUse of(YamlNode value, String step, String uri) {
        Map<String, String> parameters = new LinkedHashMap<>();
        int query = uri.indexOf('?');
        // A question mark inside a placeholder, as in {{?limit}}, starts no query.
        if (query > 0 && uri.charAt(query - 1) == '{') {
            query = -1;
        }
        if (query >= 0) {
            for (String pair : uri.substring(query + 1).split("&")) {
                int equals = pair.indexOf('=');
                parameters.put(
                        equals < 0 ? pair : pair.substring(0, equals), equals < 0 ? "" : pair.substring(equals + 1));
            }
        }
        value.get("parameters")
                .ifPresent(given -> given.entries().forEach((key, one) -> parameters.put(key, one.text())));
        return new EndpointUse(value, step, query < 0 ? uri : uri.substring(0, query), parameters);
    }

    EndpointUse withUri(String resolved) {
        return new EndpointUse(at, step, resolved, parameters);
    }

    String scheme() {
        int colon = uri.indexOf(':');
        return colon < 0 ? uri : uri.substring(0, colon);
    }

    /** What follows the scheme, without slashes. */
    String target() {
        int colon = uri.indexOf(':');
        return colon < 0 ? "" : uri.substring(colon + 1).replaceFirst("^//", "");
    }

    /** Scheme and name, in whichever spelling; what stands behind a slash is the id of a kamelet's instance. */
    String place() {
        return scheme() + ":" + (scheme().equals("kamelet") ? target().replaceFirst("/.*", "") : target());
    }

    /** Whether the endpoint is found anew for each message. */
    boolean isDynamic() {
        return step.equals("toD") || COMPUTED.contains(step);
    }

    /** Whether it works on the rows of a workspace, or hands the data source to a kamelet that does. */
    boolean isTenant() {
        return parameters.values().stream().anyMatch(value -> value.matches("#(bean:)?tenant"));
    }

    /** Whether it waits for another server, by HTTP or SMTP. */
    boolean waitsForAnotherServer() {
        return Set.of("http", "https", "smtp", "smtps").contains(scheme());
    }

    boolean has(String parameter) {
        return parameters.containsKey(parameter);
    }

    boolean is(String parameter, String value) {
        return value.equals(parameters.get(parameter));
    }
}
