package dev.postrider.routes;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Predicate;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.snakeyaml.engine.v2.api.LoadSettings;
import org.snakeyaml.engine.v2.composer.Composer;
import org.snakeyaml.engine.v2.exceptions.MarkedYamlEngineException;
import org.snakeyaml.engine.v2.exceptions.YamlEngineException;
import org.snakeyaml.engine.v2.nodes.Node;
import org.snakeyaml.engine.v2.parser.ParserImpl;
import org.snakeyaml.engine.v2.scanner.StreamReader;

/**
 * A route file as it is read: what stands in it by kind, before Camel builds anything from it.
 *
 * @param path relative to the routes folder, with forward slashes
 */
record RouteDocument(String path, YamlNode root) {

    private static final String KAMELET = ".kamelet.yaml";

    /** Either a document, or the finding that says why there is none. */
    record Parsed(Optional<RouteDocument> document, List<Finding> findings) {}

    static Parsed parse(String path, String text) {
        LoadSettings settings = LoadSettings.builder()
                .setLabel(path)
                // An unquoted {{placeholder}} is a map as a key; it is refused later, with its line.
                .setAllowNonScalarKeys(true)
                .build();
        try {
            Optional<Node> node =
                    new Composer(settings, new ParserImpl(settings, new StreamReader(settings, text))).getSingleNode();
            if (node.isEmpty()) {
                return refused(new Finding(
                        path, 1, 1, "the file is empty: write a route, or [] to switch a packaged file off"));
            }
            if (node.get().isRecursive()) {
                return refused(new Finding(path, 1, 1, "an anchor contains itself: write the value out"));
            }
            YamlNode root = new YamlNode(node.get());
            List<Finding> repeated = root.repeatedKeys().stream()
                    .map(key -> Finding.at(
                            path, key, "'" + key.text() + "' stands twice here and only one would count: remove one"))
                    .toList();
            return repeated.isEmpty()
                    ? new Parsed(Optional.of(new RouteDocument(path, root)), List.of())
                    : new Parsed(Optional.empty(), repeated);
        } catch (MarkedYamlEngineException broken) {
            int line = broken.getProblemMark().map(mark -> mark.getLine() + 1).orElse(1);
            int column =
                    broken.getProblemMark().map(mark -> mark.getColumn() + 1).orElse(1);
            return refused(new Finding(path, line, column, "not valid YAML: " + broken.getProblem()));
        } catch (YamlEngineException broken) {
            return refused(new Finding(path, 1, 1, "not valid YAML: " + broken.getMessage()));
        }
    }

    private static Parsed refused(Finding finding) {
        return new Parsed(Optional.empty(), List.of(finding));
    }

    boolean isKamelet() {
        return path.endsWith(KAMELET);
    }

    /** The name that the file gives to its first route or its kamelet. */
    String name() {
        String file = path.substring(path.lastIndexOf('/') + 1);
        return file.replaceFirst("(\\.camel|\\.kamelet)?\\.yaml$", "");
    }

    /** The routes of the file; for a kamelet, its template. */
    List<YamlNode> routes() {
        if (isKamelet()) {
            return root.path("spec", "template").stream()
                    .map(template -> template.get("route").orElse(template))
                    .toList();
        }
        return root.items().stream()
                .flatMap(item -> item.get("route").or(() -> item.get("from").map(from -> item)).stream())
                .toList();
    }

    /** The routes that fit, and those of this file that they call, and so on. */
    List<YamlNode> reached(Predicate<YamlNode> first, Predicate<EndpointUse> call) {
        Set<YamlNode> reached = new LinkedHashSet<>();
        routes().stream().filter(first).forEach(reached::add);
        // As long as a round finds more.
        for (int before = 0; before < reached.size(); ) {
            before = reached.size();
            Set<String> called = reached.stream()
                    .flatMap(route -> EndpointUse.below(route).stream())
                    .filter(use -> !use.step().equals("from") && call.test(use))
                    .map(EndpointUse::place)
                    .collect(Collectors.toSet());
            routes().stream()
                    .filter(route ->
                            EndpointUse.starts(route).map(EndpointUse::place).anyMatch(called::contains))
                    .forEach(reached::add);
        }
        return List.copyOf(reached);
    }

    /** The ids that this file claims for its routes. */
    Set<String> routeIds() {
        return isKamelet()
                ? Set.of()
                : routes().stream()
                        .map(route -> route.text("id"))
                        .filter(id -> !id.isEmpty())
                        .collect(Collectors.toCollection(LinkedHashSet::new));
    }

    private Stream<YamlNode> named(String topLevelKey) {
        return root.items().stream().flatMap(item -> item.get(topLevelKey).stream());
    }

    private Stream<YamlNode> beans() {
        return named("beans").flatMap(beans -> beans.items().stream());
    }

    Set<String> beanNames() {
        return beans().map(bean -> bean.text("name")).collect(Collectors.toCollection(LinkedHashSet::new));
    }

    /** The names by which other files use this one: its kamelet, its route configurations, its beans. */
    Set<String> provided() {
        if (isKamelet()) {
            return Set.of(name());
        }
        Set<String> names = beanNames();
        named("routeConfiguration").forEach(configuration -> names.add(configuration.text("id")));
        return names;
    }

    /** What this file alone may define, in the words of a message: two files that claim the same cannot both run. */
    Map<String, YamlNode> claims() {
        Map<String, YamlNode> claims = new LinkedHashMap<>();
        if (isKamelet()) {
            claims.put("the kamelet '" + name() + "'", root);
            return claims;
        }
        routes().forEach(route -> claims.put(
                "the route id '" + route.text("id") + "'", route.get("id").orElse(route)));
        named("routeConfiguration").forEach(one -> claims.put("the routeConfiguration '" + one.text("id") + "'", one));
        beans().forEach(bean -> claims.put("the bean '" + bean.text("name") + "'", bean));
        return claims;
    }

    static String claimOfRoute(String id) {
        return "the route id '" + id + "'";
    }

    /** Whether a name stands anywhere in this file; a chance match costs one needless reload and nothing else. */
    boolean mentions(String name) {
        Pattern word = Pattern.compile("(?<![\\w-])" + Pattern.quote(name) + "(?![\\w-])");
        return root.walk().anyMatch(node -> word.matcher(node.text()).find());
    }

    /** Every place in the file where an endpoint is named, kamelet steps included. */
    List<EndpointUse> endpoints() {
        return EndpointUse.below(root);
    }

    /** Everything that is text for Camel, without the prose of descriptions and notes. */
    List<YamlNode> texts() {
        List<YamlNode> texts = new ArrayList<>();
        collectTexts(root, texts);
        return texts;
    }

    private static void collectTexts(YamlNode node, List<YamlNode> texts) {
        if (!node.text().isEmpty()) {
            texts.add(node);
        }
        node.items().forEach(item -> collectTexts(item, texts));
        node.entries().forEach((key, value) -> {
            if (!key.equals("description") && !key.equals("note") && !key.equals("title")) {
                collectTexts(value, texts);
            }
        });
    }
}
