package dev.postrider.routes;

import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Set;
import org.apache.camel.CamelContext;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Everything that is asked of a file before it may touch what runs: its text, its neighbours, its endpoints. */
final class RouteChecks {

    private static final Logger LOG = LoggerFactory.getLogger(RouteChecks.class);

    private final CamelContext context;
    private final TrialRun trial;
    private final RouteLint lint = new RouteLint();

    RouteChecks(CamelContext context) {
        this.context = context;
        this.trial = new TrialRun(context);
    }

    /** @param asBuilt whether the build has linted this very text: the schema is a second of work at every start */
    List<Finding> check(RouteDocument document, boolean asBuilt, Collection<Installed> running) {
        try {
            List<Finding> findings = asBuilt ? List.of() : lint.check(document, others(document, running));
            if (findings.isEmpty()) {
                findings = conflicts(document, running);
            }
            return findings.isEmpty() ? trial.check(document) : findings;
        } catch (RuntimeException unforeseen) {
            // Whatever a file does to its check must not keep the other files from theirs.
            LOG.debug("Checking {} failed", document.path(), unforeseen);
            return List.of(Finding.at(document.path(), document.root(), Reason.of(unforeseen)));
        }
    }

    private static List<RouteDocument> others(RouteDocument document, Collection<Installed> running) {
        return running.stream()
                .map(Installed::document)
                .filter(other -> !other.path().equals(document.path()))
                .toList();
    }

    private List<Finding> conflicts(RouteDocument document, Collection<Installed> running) {
        List<Finding> findings = new ArrayList<>();
        for (Installed other : running) {
            Set<String> taken = other.document().claims().keySet();
            document.claims().forEach((claim, place) -> {
                if (!other.path().equals(document.path()) && taken.contains(claim)) {
                    findings.add(Finding.at(
                            document.path(), place, claim + " is already that of " + other.path() + ": rename one"));
                }
            });
        }
        for (String id : document.routeIds()) {
            boolean ours =
                    running.stream().anyMatch(one -> one.document().routeIds().contains(id));
            if (!ours && context.getRoute(id) != null) {
                findings.add(Finding.at(
                        document.path(),
                        document.claims().get(RouteDocument.claimOfRoute(id)),
                        "the route id '" + id + "' is already that of a route in Java: rename it"));
            }
        }
        return findings;
    }
}
