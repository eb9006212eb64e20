package dev.postrider.routes;

import java.util.List;
import java.util.stream.Collectors;
import org.apache.camel.model.RouteConfigurationDefinition;
import org.apache.camel.model.RouteDefinition;
import org.apache.camel.model.RouteTemplateDefinition;
import org.apache.camel.model.rest.RestDefinition;

/** A file that is in the Camel context, and everything that it put there, so that it can be taken out again. */
record Installed(
        RouteFile file,
        RouteDocument document,
        List<RouteDefinition> routes,
        List<RouteTemplateDefinition> templates,
        List<RouteConfigurationDefinition> configurations,
        List<RestDefinition> rests) {

    String path() {
        return file.path();
    }

    String summary() {
        if (document.isKamelet()) {
            return "kamelet " + document.name();
        }
        return routes.isEmpty()
                ? "no routes"
                : routes.stream().map(RouteDefinition::getId).collect(Collectors.joining(", "));
    }
}
