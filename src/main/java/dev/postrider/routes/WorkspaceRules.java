package dev.postrider.routes;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.function.Predicate;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.apache.camel.support.PatternHelper;

/** Refuses what lets a caller choose whose work it is, and what sees more than one workspace where one is worked for. */
final class WorkspaceRules implements RouteLint.Rules {

    private static final String WORKSPACE = "workspaceId";

    private static final Pattern WORKSPACE_FROM_MESSAGE = Pattern.compile(
            ":#(in:)?workspace|\\$\\{(in\\.)?headers?[.\\[('\":?]*workspace|header\\.workspace",
            Pattern.CASE_INSENSITIVE);

    private static final String WORKSPACE_OF_CALLER =
            "callers can send headers, and so another workspace: bind ':#${exchangeProperty.workspaceId}'";

    private static final Pattern CHANGES_PROPERTY =
            Pattern.compile("exchange\\??\\.(?:set|remove)Propert", Pattern.CASE_INSENSITIVE);

    private static final Pattern OF_THE_ENGINE = dataSource("operator|dispatcher|listening");
    private static final Pattern OF_ANALYSTS = dataSource("analyst|analystProbe");

    private static final Set<String> WORKSPACE_SOURCES =
            Set.of("task", "kamelet:task-source", "kamelet:webhook-source");
    private static final Set<String> OUTSIDE_CALLERS = Set.of("platform-http", "rest");

    private static Pattern dataSource(String names) {
        return Pattern.compile("(?:#|%23)(?:bean(?::|%3A))?(?:" + names + ")\\b", Pattern.CASE_INSENSITIVE);
    }

    @Override
    public List<Finding> check(RouteDocument document, List<RouteDocument> others) {
        List<Finding> findings = new ArrayList<>();
        texts(document, findings);
        headers(document, findings);
        if (!document.path().startsWith("engine/")) {
            property(document, findings);
            dataSources(document, findings);
        }
        return findings;
    }

    private static void texts(RouteDocument document, List<Finding> findings) {
        for (YamlNode text : document.texts()) {
            if (WORKSPACE_FROM_MESSAGE.matcher(text.text()).find()) {
                findings.add(Finding.at(document.path(), text, WORKSPACE_OF_CALLER));
            }
            if (text.text().contains("set_config") || text.text().contains("app.active_workspace")) {
                findings.add(Finding.at(
                        document.path(),
                        text,
                        "a route never chooses its workspace: begin the route with '- transacted: {ref: workspace}', "
                                + "which takes it from the exchange property workspaceId"));
            }
        }
    }

    /** The same in the spelling {@code header: workspaceId} of an expression. */
    private static void headers(RouteDocument document, List<Finding> findings) {
        document.root().walk().flatMap(node -> node.get("header").stream()).forEach(header -> {
            String name = header.isMap() ? header.text("expression") : header.text();
            if (name.toLowerCase(Locale.ROOT).startsWith("workspace")) {
                findings.add(Finding.at(document.path(), header, WORKSPACE_OF_CALLER));
            }
        });
    }

    private static void property(RouteDocument document, List<Finding> findings) {
        Set<String> callers = document.root().items().stream()
                .flatMap(item -> item.get("rest").stream())
                .flatMap(rest -> EndpointUse.below(rest).stream().map(EndpointUse::place))
                .collect(Collectors.toCollection(() -> new HashSet<>(OUTSIDE_CALLERS)));
        Set<YamlNode> free = outside(document, route -> isOfWorkspace(route) || startsFrom(route, callers));
        Stream<YamlNode> steps = document.root().walk().flatMap(WorkspaceRules::stepsThatChangeWorkspace);
        Stream<YamlNode> expressions = document.texts().stream()
                .filter(text -> CHANGES_PROPERTY.matcher(text.text()).find());
        Stream.concat(steps, expressions)
                .filter(step -> !free.contains(step))
                .forEach(step -> findings.add(Finding.at(
                        document.path(),
                        step,
                        "the exchange property workspaceId says whose work this is, and nothing that came in may change "
                                + "it: remove this step; only a route that starts by itself, as from a timer, names a "
                                + "workspace")));
    }

    private static Stream<YamlNode> stepsThatChangeWorkspace(YamlNode node) {
        return Stream.of(
                        node.get("setProperty").filter(step -> names(step.text("name"))),
                        node.get("removeProperty").filter(step -> names(step.text() + step.text("name"))),
                        node.get("removeProperties").filter(WorkspaceRules::removesWorkspace))
                .flatMap(Optional::stream);
    }

    /** A name that is computed may be any. */
    private static boolean names(String property) {
        return property.equals(WORKSPACE) || property.contains("${") || property.contains("$simple{");
    }

    private static boolean removesWorkspace(YamlNode step) {
        String kept = step.text("excludePattern");
        return PatternHelper.matchPattern(WORKSPACE, step.text() + step.text("pattern"))
                && (kept.isEmpty() || !PatternHelper.matchPattern(WORKSPACE, kept));
    }

    private static void dataSources(RouteDocument document, List<Finding> findings) {
        Set<YamlNode> free = outside(document, WorkspaceRules::isOfWorkspace);
        for (YamlNode text : document.texts()) {
            if (OF_THE_ENGINE.matcher(text.text()).find()) {
                findings.add(Finding.at(
                        document.path(),
                        text,
                        "this data source sees all workspaces and is for the routes in engine/: use #tenant in a "
                                + "transacted route, or #analyst in a route that works for no workspace"));
            }
            if (OF_ANALYSTS.matcher(text.text()).find() && !free.contains(text)) {
                findings.add(
                        Finding.at(
                                document.path(),
                                text,
                                "#analyst sees all workspaces, and this is the work of one: use #tenant in a transacted route"));
            }
        }
    }

    private static boolean isOfWorkspace(YamlNode route) {
        return startsFrom(route, WORKSPACE_SOURCES) || Transactions.isTransacted(route);
    }

    private static boolean startsFrom(YamlNode route, Set<String> sources) {
        return EndpointUse.starts(route)
                .anyMatch(use -> sources.contains(use.scheme()) || sources.contains(use.place()));
    }

    /** All that stands in a route which is neither such a one nor called by one; of a kamelet nobody knows who calls it. */
    private static Set<YamlNode> outside(RouteDocument document, Predicate<YamlNode> first) {
        Set<YamlNode> outside = new HashSet<>();
        if (!document.isKamelet()) {
            List<YamlNode> reached =
                    document.reached(first, use -> Set.of("direct", "seda").contains(use.scheme()));
            document.routes().stream()
                    .filter(route -> !reached.contains(route))
                    .flatMap(YamlNode::walk)
                    .forEach(outside::add);
        }
        return outside;
    }
}
