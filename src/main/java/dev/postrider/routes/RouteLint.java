package dev.postrider.routes;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/**
 * Says what is wrong with the text of a route file before Camel sees it: first by Camel's own schema, then by what
 * Camel accepts and does not do as its author expects.
 */
public final class RouteLint {

    private final SchemaRules schema = new SchemaRules();
    private final List<Rules> traps = List.of(
            new NamingRules(),
            new KameletRules(),
            new EndpointRules(),
            new WorkspaceRules(),
            new TenantSqlRules(),
            new TransactionRules());

    /** A group of rules about one subject. */
    interface Rules {
        /** @param others the other files, as far as they are known: what a file uses may stand there */
        List<Finding> check(RouteDocument document, List<RouteDocument> others);
    }

    /**
     * Checks one file.
     *
     * @param path relative to the routes folder, with forward slashes; its name is checked too
     * @return the findings in the order of their lines; none if the file is good
     */
    public List<Finding> check(String path, String text) {
        RouteDocument.Parsed parsed = RouteDocument.parse(path, text);
        return parsed.document().map(document -> check(document, List.of())).orElse(parsed.findings());
    }

    List<Finding> check(RouteDocument document, List<RouteDocument> others) {
        List<Finding> findings = new ArrayList<>(schema.check(document));
        // A file of the wrong shape would make the other rules say the same thing again in other words.
        if (findings.isEmpty()) {
            traps.forEach(rules -> findings.addAll(rules.check(document, others)));
        }
        return findings.stream()
                .distinct()
                .sorted(Comparator.comparingInt(Finding::line).thenComparingInt(Finding::column))
                .toList();
    }
}
