package dev.postrider.routes;

import java.util.ArrayList;
import java.util.List;

/** Keeps what a file is called, what its routes are called, and what they touch beyond themselves, plain to see. */
final class NamingRules implements RouteLint.Rules {

    @Override
    public List<Finding> check(RouteDocument document, List<RouteDocument> others) {
        List<Finding> findings = new ArrayList<>();
        if (!document.isKamelet()) {
            findings.addAll(ids(document));
            findings.addAll(descriptions(document));
            findings.addAll(globalErrorHandler(document));
            findings.addAll(namelessConfiguration(document));
        }
        return findings;
    }

    private static List<Finding> ids(RouteDocument document) {
        List<Finding> findings = new ArrayList<>();
        List<String> seen = new ArrayList<>();
        for (YamlNode route : document.routes()) {
            YamlNode place = route.get("id").orElse(route);
            String id = route.text("id");
            boolean first = seen.isEmpty();
            if (first && !id.equals(document.name())) {
                findings.add(Finding.at(
                        document.path(),
                        place,
                        "the first route has the name of its file: write 'id: " + document.name() + "' in '- route:'"));
            } else if (!first && !id.startsWith(document.name() + ".")) {
                findings.add(Finding.at(
                        document.path(),
                        place,
                        "a further route of a file is called after its part: write 'id: " + document.name()
                                + ".<part>'"));
            } else if (seen.contains(id)) {
                findings.add(Finding.at(
                        document.path(), place, "the id '" + id + "' stands twice in this file: rename one"));
            }
            seen.add(id);
        }
        return findings;
    }

    private static List<Finding> descriptions(RouteDocument document) {
        return document.routes().stream()
                .filter(route -> route.text("description").isBlank())
                .map(route -> Finding.at(
                        document.path(),
                        route,
                        "the route says nothing about itself: add a 'description' of what it promises"))
                .toList();
    }

    private static List<Finding> globalErrorHandler(RouteDocument document) {
        return document.root().items().stream()
                .flatMap(item -> item.get("errorHandler").stream())
                .map(handler -> Finding.at(
                        document.path(),
                        handler,
                        "a top-level errorHandler becomes that of every route of every file: put it into a "
                                + "'routeConfiguration' with an id, and name that in 'routeConfigurationId'"))
                .toList();
    }

    private static List<Finding> namelessConfiguration(RouteDocument document) {
        return document.root().items().stream()
                .flatMap(item -> item.get("routeConfiguration").stream())
                .filter(configuration -> configuration.text("id").isBlank())
                .map(configuration -> Finding.at(
                        document.path(),
                        configuration,
                        "a routeConfiguration without an id applies to every route of every file: give it an 'id', "
                                + "and name that in 'routeConfigurationId'"))
                .toList();
    }
}
