package dev.postrider.routes;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.apache.camel.CamelContext;
import org.apache.camel.Component;
import org.apache.camel.dsl.yaml.common.YamlSupport;
import org.apache.camel.model.Model;
import org.apache.camel.model.RouteTemplateDefinition;
import org.apache.camel.model.RouteTemplateParameterDefinition;
import org.apache.camel.spi.Language;
import org.apache.camel.support.EndpointHelper;
import org.apache.camel.support.ResourceHelper;

/**
 * Finds what only a running context knows to be wrong, unknown components, options, beans, properties and kamelets,
 * without touching a route.
 *
 * <p>It asks the real components to create each endpoint and throws it away, neither registered nor started. A second
 * CamelContext would find a little more, but would capture every shared bean that wants to know its context.
 */
final class TrialRun {

    /** What a kamelet's endpoint takes for itself. */
    private static final Set<String> OF_EVERY_KAMELET = Set.of(
            "bridgeErrorHandler",
            "exceptionHandler",
            "exchangePattern",
            "block",
            "failIfNoConsumers",
            "timeout",
            "location",
            "noErrorHandler",
            "routeId",
            "templateId",
            "uuid",
            "lazyStartProducer");

    private final CamelContext context;

    TrialRun(CamelContext context) {
        this.context = context;
    }

    List<Finding> check(RouteDocument document) {
        List<Finding> findings = new ArrayList<>();
        Set<String> ownBeans = document.beanNames();
        for (EndpointUse use : document.endpoints()) {
            endpoint(document, use, ownBeans)
                    .ifPresent(why -> findings.add(Finding.at(document.path(), use.at(), why)));
        }
        document.root().walk().flatMap(node -> node.get("simple").stream()).forEach(simple -> {
            String text = simple.isMap() ? simple.text("expression") : simple.text();
            expression(text).ifPresent(why -> findings.add(Finding.at(document.path(), simple, why)));
        });
        return findings;
    }

    private Optional<String> endpoint(RouteDocument document, EndpointUse written, Set<String> ownBeans) {
        EndpointUse use = written;
        // Inside a kamelet placeholders are its parameters: nothing to resolve yet.
        if (!document.isKamelet()) {
            try {
                use = written.withUri(context.resolvePropertyPlaceholders(written.uri()));
            } catch (IllegalArgumentException missing) {
                return Optional.of(Reason.of(missing));
            }
        }
        String scheme = use.scheme();
        if (scheme.contains("{{") || scheme.contains("${") || isOwnEnd(document, use)) {
            return Optional.empty();
        }
        Component component;
        try {
            component = context.getComponent(scheme);
        } catch (RuntimeException broken) {
            return Optional.of("the component '" + scheme + "' cannot be used here: " + Reason.of(broken));
        }
        if (component == null) {
            return Optional.of(
                    "there is no component '" + scheme + "': correct the uri, or add the component to the build");
        }
        // What toD and its like send to is made from each message.
        if (document.isKamelet() || use.isDynamic() || use.step().startsWith("intercept")) {
            return Optional.empty();
        }
        if (scheme.equals("kamelet")) {
            Optional<String> wrong = kamelet(use);
            if (wrong.isPresent()) {
                return wrong;
            }
        }
        return refersTo(use, ownBeans) ? Optional.empty() : create(component, use);
    }

    private static boolean isOwnEnd(RouteDocument document, EndpointUse use) {
        return document.isKamelet()
                && (use.uri().equals("kamelet:source") || use.uri().equals("kamelet:sink"));
    }

    /** A bean that this very file declares exists only once the file is loaded. */
    private static boolean refersTo(EndpointUse use, Set<String> beans) {
        return beans.stream()
                .anyMatch(bean -> use.uri().contains(bean)
                        || use.parameters().values().stream().anyMatch(value -> value.contains(bean)));
    }

    private Optional<String> create(Component component, EndpointUse use) {
        try {
            String resource = use.target();
            if (resource.startsWith("classpath:")
                    && !ResourceHelper.resolveResource(context, resource).exists()) {
                return Optional.of("there is no " + resource + ": correct the name, or add the file");
            }
            String uri = use.uri();
            if (!use.parameters().isEmpty()) {
                uri = YamlSupport.createEndpointUri(context, null, uri, new TreeMap<>(use.parameters()));
            }
            // As the context does it on its way to a registered endpoint.
            String raw = EndpointHelper.resolveEndpointUriPropertyPlaceholders(context, uri);
            component.createEndpoint(component.useRawUri() ? raw : EndpointHelper.normalizeEndpointUri(raw));
            return Optional.empty();
        } catch (Exception refused) {
            return Optional.of(Reason.of(refused));
        }
    }

    private Optional<String> kamelet(EndpointUse use) {
        String name = use.target().replaceFirst("/.*", "");
        RouteTemplateDefinition template =
                context.getCamelContextExtension().getContextPlugin(Model.class).getRouteTemplateDefinition(name);
        if (template == null) {
            return Optional.of("there is no kamelet '" + name + "', or it has an error of its own: look for kamelets/"
                    + name + ".kamelet.yaml");
        }
        List<RouteTemplateParameterDefinition> parameters =
                Optional.ofNullable(template.getTemplateParameters()).orElse(List.of());
        Set<String> known = parameters.stream()
                .map(RouteTemplateParameterDefinition::getName)
                .collect(Collectors.toCollection(TreeSet::new));
        Optional<String> missing = parameters.stream()
                .filter(one -> one.isRequired() && one.getDefaultValue() == null && !use.has(one.getName()))
                .map(one -> "kamelet " + name + " needs the parameter '" + one.getName() + "': add it")
                .findFirst();
        return missing.or(() -> use.parameters().keySet().stream()
                .filter(given -> !known.contains(given) && !OF_EVERY_KAMELET.contains(given))
                .map(given -> "kamelet " + name + " has no parameter '" + given + "': it takes " + known)
                .findFirst());
    }

    private Optional<String> expression(String text) {
        if (text.isBlank() || text.contains("{{")) {
            return Optional.empty();
        }
        Language simple = context.resolveLanguage("simple");
        try {
            simple.createExpression(text);
            return Optional.empty();
        } catch (Exception asExpression) {
            try {
                simple.createPredicate(text);
                return Optional.empty();
            } catch (Exception asPredicate) {
                return Optional.of("simple: " + Reason.of(asPredicate));
            }
        }
    }
}
