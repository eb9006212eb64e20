package dev.postrider.routes;

import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/** Finds the routes of a file whose steps run in a workspace transaction, their own or that of whoever calls them. */
final class Transactions {

    private static final Set<String> SAME_THREAD =
            Set.of("to", "toD", "enrich", "recipientList", "routingSlip", "dynamicRouter");

    private Transactions() {}

    static List<YamlNode> of(RouteDocument document) {
        Set<YamlNode> inside = new LinkedHashSet<>();
        document.routes().stream()
                .filter(route -> isTransacted(route) || isWebhook(route))
                .forEach(inside::add);
        // As long as a round finds more: what is called from inside is inside.
        for (int before = 0; before < inside.size(); ) {
            before = inside.size();
            List<String> called = inside.stream()
                    .flatMap(route -> EndpointUse.below(route).stream())
                    .filter(use ->
                            SAME_THREAD.contains(use.step()) && use.scheme().equals("direct"))
                    .map(EndpointUse::target)
                    .toList();
            document.routes().stream()
                    .filter(route -> from(route, "direct").stream().anyMatch(called::contains))
                    .forEach(inside::add);
        }
        return List.copyOf(inside);
    }

    static boolean isTransacted(YamlNode route) {
        return !steps(route).isEmpty();
    }

    /** The steps {@code transacted} of a route; with a text it is the parameter of an endpoint. */
    static List<YamlNode> steps(YamlNode route) {
        return route.walk()
                .flatMap(node -> node.get("transacted").stream())
                .filter(step -> step.text().isEmpty())
                .toList();
    }

    /** The steps of a provider's route run in the transaction that takes the webhook in. */
    private static boolean isWebhook(YamlNode route) {
        return from(route, "kamelet").contains("webhook-source");
    }

    private static List<String> from(YamlNode route, String scheme) {
        return EndpointUse.below(route).stream()
                .filter(use -> use.step().equals("from") && use.scheme().equals(scheme))
                .map(EndpointUse::target)
                .toList();
    }
}
