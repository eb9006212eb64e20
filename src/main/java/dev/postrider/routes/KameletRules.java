package dev.postrider.routes;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Makes every kamelet describe itself, so that the people who use it need not read its template. */
final class KameletRules implements RouteLint.Rules {

    @Override
    public List<Finding> check(RouteDocument document, List<RouteDocument> others) {
        if (!document.isKamelet()) {
            return List.of();
        }
        List<Finding> findings = new ArrayList<>();
        YamlNode root = document.root();
        if (!root.path("metadata", "name").map(YamlNode::text).orElse("").equals(document.name())) {
            findings.add(Finding.at(
                    document.path(),
                    root.path("metadata", "name").orElse(root),
                    "a kamelet has the name of its file, or it is never found: write 'metadata.name: " + document.name()
                            + "'"));
        }
        Optional<YamlNode> definition = root.path("spec", "definition");
        for (String key : List.of("title", "description")) {
            if (definition.map(one -> one.text(key)).orElse("").isBlank()) {
                findings.add(Finding.at(
                        document.path(), definition.orElse(root), "the kamelet needs 'spec.definition." + key + "'"));
            }
        }
        definition
                .flatMap(one -> one.get("properties"))
                .ifPresent(properties -> properties
                        .entries()
                        .forEach((name, parameter) -> findings.addAll(parameter(document, name, parameter))));
        return findings;
    }

    private static List<Finding> parameter(RouteDocument document, String name, YamlNode parameter) {
        List<Finding> findings = new ArrayList<>();
        for (String key : List.of("title", "description", "type")) {
            if (parameter.text(key).isBlank()) {
                findings.add(
                        Finding.at(document.path(), parameter, "the parameter '" + name + "' needs a '" + key + "'"));
            }
        }
        return findings;
    }
}
