package dev.postrider.routes;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** Refuses what leaves, breaks or prolongs the transaction of a route without any sign of it. */
final class TransactionRules implements RouteLint.Rules {

    private static final Set<String> OTHER_THREAD = Set.of("wireTap", "threads", "aggregate", "resequence");
    private static final Set<String> OTHER_THREAD_IF_PARALLEL = Set.of("split", "multicast", "recipientList");

    @Override
    public List<Finding> check(RouteDocument document, List<RouteDocument> others) {
        List<Finding> findings = new ArrayList<>();
        document.root()
                .walk()
                .forEach(node ->
                        node.get("deadLetterChannel").ifPresent(channel -> hiddenFailure(document, channel, findings)));
        List<RouteDocument> all =
                Stream.concat(Stream.of(document), others.stream()).toList();
        for (YamlNode route : Transactions.of(document)) {
            List<YamlNode> transactions = Transactions.steps(route);
            if (!transactions.isEmpty()) {
                place(document, route, transactions, findings);
            }
            deadLetter(document, route, all, findings);
            handledFailure(document, route, all, findings);
            hops(document, route, findings);
            calls(document, route, kameletsThatCall(all), findings);
        }
        return findings;
    }

    private static Stream<YamlNode> configurations(List<RouteDocument> documents) {
        return documents.stream()
                .flatMap(document -> document.root().items().stream())
                .flatMap(item -> item.get("routeConfiguration").stream());
    }

    private static Set<String> ids(Stream<YamlNode> configurations) {
        return configurations.map(one -> one.text("id")).collect(Collectors.toSet());
    }

    /** The handlers below a node that end a failure without rolling back. */
    private static Stream<YamlNode> handlersThatCommit(YamlNode node) {
        return node.walk()
                .flatMap(one -> one.get("onException").stream())
                .filter(one -> one.get("handled").or(() -> one.get("continued")).isPresent())
                .filter(one -> one.walk().noneMatch(step -> step.get("rollback").isPresent()));
    }

    private static Set<String> kameletsThatCall(List<RouteDocument> documents) {
        return documents.stream()
                .filter(RouteDocument::isKamelet)
                .filter(kamelet -> kamelet.endpoints().stream().anyMatch(EndpointUse::waitsForAnotherServer))
                .map(RouteDocument::name)
                .collect(Collectors.toSet());
    }

    private static void hiddenFailure(RouteDocument document, YamlNode channel, List<Finding> findings) {
        if (!channel.text("deadLetterHandleNewException").equals("false")) {
            findings.add(Finding.at(
                    document.path(),
                    channel,
                    "a failure of the dead-letter route itself would be swallowed: add "
                            + "'deadLetterHandleNewException: false'"));
        }
    }

    private static void place(
            RouteDocument document, YamlNode route, List<YamlNode> transactions, List<Finding> findings) {
        boolean first = route.path("from", "steps")
                .filter(steps -> !steps.items().isEmpty())
                .map(steps -> steps.items().get(0).get("transacted").isPresent())
                .orElse(false);
        if (!first || transactions.size() > 1) {
            YamlNode misplaced = transactions.get(first ? 1 : 0);
            findings.add(Finding.at(
                    document.path(),
                    misplaced,
                    "Camel moves transacted to the start of its route: make it the first step of a route of its own ('"
                            + document.name() + ".<part>', from: direct:…) and call that"));
        }
    }

    private static void deadLetter(
            RouteDocument document, YamlNode route, List<RouteDocument> all, List<Finding> findings) {
        Set<String> configurations = ids(configurations(all)
                .filter(one -> one.path("errorHandler", "deadLetterChannel").isPresent()));
        if (uses(route, configurations)
                || route.path("errorHandler", "deadLetterChannel").isPresent()) {
            findings.add(Finding.at(
                    document.path(),
                    route,
                    "a deadLetterChannel inside a transaction commits the partial work: handle the failure in the route "
                            + "that calls this one"));
        }
    }

    private static void handledFailure(
            RouteDocument document, YamlNode route, List<RouteDocument> all, List<Finding> findings) {
        Set<String> configurations = ids(configurations(all)
                .filter(one -> handlersThatCommit(one).findAny().isPresent()));
        boolean ofFile = document.root().items().stream()
                .filter(item -> item.get("onException").isPresent())
                .anyMatch(item -> handlersThatCommit(item).findAny().isPresent());
        if (ofFile || uses(route, configurations)) {
            findings.add(Finding.at(
                    document.path(),
                    route,
                    "an onException that handles a failure inside a transaction commits the partial work: add 'rollback: "
                            + "{markRollbackOnlyLast: true}' to its steps, or handle the failure in the route that calls "
                            + "this one"));
        }
    }

    private static boolean uses(YamlNode route, Set<String> configurations) {
        return List.of(route.text("routeConfigurationId").split(",")).stream().anyMatch(configurations::contains);
    }

    private static void hops(RouteDocument document, YamlNode route, List<Finding> findings) {
        route.walk()
                .forEach(node -> node.entries().forEach((key, step) -> {
                    if (leavesThread(key, step)) {
                        findings.add(Finding.at(
                                document.path(),
                                step,
                                "'" + key
                                        + "' goes on in another thread, outside the transaction: do it in the route that calls "
                                        + "this one"));
                    }
                }));
    }

    private static boolean leavesThread(String key, YamlNode step) {
        // A scalar is an endpoint's parameter of the same name.
        return step.isMap()
                && (OTHER_THREAD.contains(key)
                        || OTHER_THREAD_IF_PARALLEL.contains(key)
                                && step.text("parallelProcessing").equals("true")
                        || key.equals("throttle") && step.text("asyncDelayed").equals("true")
                        // Unlike that of throttle, the delay of delay is asynchronous unless told otherwise.
                        || key.equals("delay") && !step.text("asyncDelayed").equals("false"));
    }

    private static void calls(RouteDocument document, YamlNode route, Set<String> kamelets, List<Finding> findings) {
        for (EndpointUse use : EndpointUse.below(route)) {
            if (use.step().equals("from")) {
                continue;
            }
            if (use.waitsForAnotherServer()
                    || use.scheme().equals("kamelet")
                            && kamelets.contains(use.target().replaceFirst("/.*", ""))) {
                findings.add(Finding.at(
                        document.path(),
                        use.at(),
                        "a call of another server inside a transaction holds a connection while it waits: call in one route, write in "
                                + "another"));
            }
            if (use.scheme().equals("seda")) {
                findings.add(Finding.at(
                        document.path(),
                        use.at(),
                        "seda hands on before the transaction has committed, and keeps what it rolls back: send after the "
                                + "transacted route has returned"));
            }
        }
    }
}
