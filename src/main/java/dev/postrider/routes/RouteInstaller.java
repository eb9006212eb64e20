package dev.postrider.routes;

import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.camel.CamelContext;
import org.apache.camel.Route;
import org.apache.camel.RoutesBuilder;
import org.apache.camel.builder.RouteBuilder;
import org.apache.camel.builder.RouteBuilderLifecycleStrategy;
import org.apache.camel.component.kamelet.Kamelet;
import org.apache.camel.dsl.yaml.KameletRoutesBuilderLoader;
import org.apache.camel.dsl.yaml.YamlRoutesBuilderLoader;
import org.apache.camel.dsl.yaml.YamlRoutesBuilderLoaderSupport;
import org.apache.camel.model.Model;
import org.apache.camel.model.RouteConfigurationDefinition;
import org.apache.camel.model.RouteDefinition;
import org.apache.camel.model.RouteTemplateDefinition;
import org.apache.camel.spi.Resource;
import org.apache.camel.support.PatternHelper;
import org.apache.camel.support.ResourceHelper;
import org.apache.camel.support.service.ServiceHelper;

/**
 * Puts one file into the Camel context, all of it or nothing, and takes it out again.
 *
 * <p>Installing builds the routes and starts what they send to, but not what they consume from: that is {@link #start},
 * so that several files can be built before the first message comes.
 */
final class RouteInstaller {

    private final CamelContext context;
    private final Model model;

    RouteInstaller(CamelContext context) {
        this.context = context;
        this.model = context.getCamelContextExtension().getContextPlugin(Model.class);
    }

    /** @throws Exception if Camel cannot build the file; then nothing of it is left in the context */
    Installed install(RouteFile file, RouteDocument document) throws Exception {
        if (document.isKamelet()) {
            // Camel may have found a kamelet by itself, on its first use.
            model.removeRouteTemplateDefinitions(document.name());
        }
        Present before = new Present(model);
        Map<RouteDefinition, String> autoStartup = new IdentityHashMap<>();
        try {
            RoutesBuilder builder = parse(file, document);
            if (builder instanceof RouteBuilder routes) {
                routes.addLifecycleInterceptor(holdBack(autoStartup));
            }
            context.addRoutes(builder);
            autoStartup.forEach(this::giveBackAutoStartup);
        } catch (Exception failed) {
            try {
                remove(before.since(model, file, document));
            } catch (Exception alsoFailed) {
                failed.addSuppressed(alsoFailed);
            }
            throw failed;
        }
        return before.since(model, file, document);
    }

    /**
     * A loader of our own for each file: Camel's remembers a file whose loading failed as already looked at, and would
     * not create the beans of the mended one.
     */
    private RoutesBuilder parse(RouteFile file, RouteDocument document) throws Exception {
        try (YamlRoutesBuilderLoaderSupport loader =
                document.isKamelet() ? new KameletRoutesBuilderLoader() : new YamlRoutesBuilderLoader()) {
            loader.setCamelContext(context);
            ServiceHelper.startService(loader);
            Resource resource = ResourceHelper.fromString(file.location(), file.text());
            loader.preParseRoute(resource);
            return loader.loadRoutesBuilder(resource);
        }
    }

    private static RouteBuilderLifecycleStrategy holdBack(Map<RouteDefinition, String> autoStartup) {
        return new RouteBuilderLifecycleStrategy() {
            @Override
            public void afterConfigure(RouteBuilder builder) {
                for (RouteDefinition route : builder.getRouteCollection().getRoutes()) {
                    autoStartup.put(route, route.getAutoStartup());
                    route.setAutoStartup("false");
                }
            }
        };
    }

    private void giveBackAutoStartup(RouteDefinition route, String value) {
        route.setAutoStartup(value);
        Route built = context.getRoute(route.getId());
        if (built != null) {
            built.setAutoStartup(isAutoStartup(value));
        }
    }

    private boolean isAutoStartup(String value) {
        return value == null || Boolean.parseBoolean(context.resolvePropertyPlaceholders(value));
    }

    /** @throws Exception if the route's consumer does not start, as when its address is taken */
    void start(RouteDefinition route) throws Exception {
        String excluded = context.getAutoStartupExcludePattern();
        boolean wanted = context.isAutoStartup()
                && isAutoStartup(route.getAutoStartup())
                && (excluded == null || !PatternHelper.matchPatterns(route.getId(), excluded.split(",")));
        if (wanted) {
            context.getRouteController().startRoute(route.getId());
        }
    }

    /** Stops and removes everything of a file, in the order in which no message is lost: sources first. */
    void remove(Installed installed) throws Exception {
        List<RouteDefinition> routes = new ArrayList<>(installed.routes());
        Collections.reverse(routes);
        for (RouteDefinition route : routes) {
            removeWithKamelets(route.getId());
        }
        for (RouteTemplateDefinition template : installed.templates()) {
            model.removeRouteTemplateDefinition(template);
        }
        for (RouteConfigurationDefinition configuration : installed.configurations()) {
            model.removeRouteConfiguration(configuration);
        }
        model.getRestDefinitions().removeAll(installed.rests());
        installed.document().beanNames().forEach(context.getRegistry()::unbind);
    }

    /** Camel makes a route for each use of a kamelet, and leaves it running when the user is removed. */
    private void removeWithKamelets(String id) throws Exception {
        for (RouteDefinition child : kamelets(id, true)) {
            removeWithKamelets(child.getId());
        }
        context.getRouteController().stopRoute(id);
        context.removeRoute(id);
        RouteDefinition neverBuilt = model.getRouteDefinition(id);
        if (neverBuilt != null) {
            model.getRouteDefinitions().remove(neverBuilt);
        }
        for (RouteDefinition child : kamelets(id, false)) {
            removeWithKamelets(child.getId());
        }
    }

    private List<RouteDefinition> kamelets(String parent, boolean sources) {
        return model.getRouteDefinitions().stream()
                .filter(route -> route.getTemplateParameters() != null)
                .filter(route -> parent.equals(route.getTemplateParameters().get(Kamelet.PARENT_ROUTE_ID)))
                .filter(route -> sources != route.getTemplateParameters().containsKey(Kamelet.PARENT_PROCESSOR_ID))
                .toList();
    }

    /** What is in the context at one moment; the difference to a later one is what a file has put there. */
    private record Present(Set<Object> things) {

        Present(Model model) {
            this(Collections.newSetFromMap(new IdentityHashMap<>()));
            things.addAll(model.getRouteDefinitions());
            things.addAll(model.getRouteTemplateDefinitions());
            things.addAll(model.getRouteConfigurationDefinitions());
            things.addAll(model.getRestDefinitions());
        }

        Installed since(Model model, RouteFile file, RouteDocument document) {
            List<RouteDefinition> routes = fresh(model.getRouteDefinitions()).stream()
                    .filter(route -> !Boolean.TRUE.equals(route.isKamelet()))
                    .toList();
            return new Installed(
                    file,
                    document,
                    routes,
                    fresh(model.getRouteTemplateDefinitions()),
                    fresh(model.getRouteConfigurationDefinitions()),
                    fresh(model.getRestDefinitions()));
        }

        private <T> List<T> fresh(Collection<T> now) {
            return now.stream().filter(one -> !things.contains(one)).toList();
        }
    }
}
