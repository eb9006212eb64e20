package dev.postrider.routes;

import java.util.List;
import java.util.Set;

/** Finds the routes of a file whose steps run in a workspace transaction, their own or that of whoever calls them. */
final class Transactions {

    private static final Set<String> SAME_THREAD =
            Set.of("to", "toD", "enrich", "recipientList", "routingSlip", "dynamicRouter");

    private Transactions() {}

    static List<YamlNode> of(RouteDocument document) {
        return document.reached(
                route -> isTransacted(route) || isWebhook(route),
                use -> SAME_THREAD.contains(use.step()) && use.scheme().equals("direct"));
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
        return EndpointUse.starts(route).anyMatch(use -> use.place().equals("kamelet:webhook-source"));
    }
}
