package dev.postrider.routes;

import dev.postrider.operations.AuditTrail;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.util.Map;
import org.apache.camel.CamelContext;
import org.apache.camel.component.kamelet.KameletComponent;
import org.apache.camel.component.platform.http.springboot.CamelRequestHandlerMapping;
import org.apache.camel.spring.boot.CamelContextConfiguration;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.beans.factory.ObjectProvider;
import org.springframework.boot.ApplicationRunner;
import org.springframework.boot.context.properties.EnableConfigurationProperties;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;

/** Runs the route files in the application's CamelContext, in place of Camel's own collection and reload. */
@Configuration(proxyBeanMethods = false)
@EnableConfigurationProperties(RoutesProperties.class)
public class RoutesConfiguration {

    private static final Logger LOG = LoggerFactory.getLogger(RoutesConfiguration.class);

    @Bean
    RouteErrors routeErrors() {
        return new RouteErrors(Clock.systemUTC());
    }

    @Bean
    RouteLoader routeLoader(CamelContext context, RoutesProperties settings, RouteErrors errors) throws IOException {
        Path folder = Path.of(settings.directory()).toAbsolutePath().normalize();
        if (Files.isDirectory(folder)) {
            LOG.info("Routes of {} are laid over the packaged ones", folder);
        }
        return new RouteLoader(context, RouteFiles.of(folder), errors);
    }

    /** Camel goes on after whatever fails while it starts; Spring does not after this. */
    @Bean
    ApplicationRunner refusalOfMistakes(RoutesProperties settings, RouteErrors errors) {
        return arguments -> {
            if (settings.refuseMistakes()) {
                errors.refuseMistakes();
            }
        };
    }

    @Bean
    RouteOperations routeOperations(RouteLoader loader, RouteErrors errors, ObjectProvider<AuditTrail> audit) {
        return new RouteOperations(
                loader,
                errors,
                wrong -> audit.ifAvailable(trail -> trail.record("routes.reloaded", Map.of("errors", wrong))));
    }

    /**
     * Loads the files once the context runs: before that, one route that cannot start would end the application.
     */
    @Bean
    CamelContextConfiguration routeLoading(
            RouteLoader loader, RoutesProperties settings, ObjectProvider<CamelRequestHandlerMapping> http) {
        return new CamelContextConfiguration() {
            @Override
            public void beforeApplicationStart(CamelContext context) {
                http.ifAvailable(mapping -> context.addLifecycleStrategy(new RemovedHttpRoutes(mapping)));
                // For whoever uses a kamelet without a route file, as tests and routes in Java do.
                String folder = Path.of(settings.directory(), "kamelets")
                        .toAbsolutePath()
                        .toUri()
                        .toString();
                context.getComponent("kamelet", KameletComponent.class)
                        .setLocation(folder + ",classpath:routes/kamelets");
            }

            @Override
            public void afterApplicationStart(CamelContext context) {
                RouteWatch.start(context, loader, settings.reloadInterval());
            }
        };
    }
}
