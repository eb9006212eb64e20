package dev.postrider.routes;

import java.util.Collection;
import java.util.List;
import java.util.Map;
import org.apache.camel.Route;
import org.apache.camel.component.platform.http.DefaultPlatformHttpConsumer;
import org.apache.camel.component.platform.http.springboot.CamelRequestHandlerMapping;
import org.apache.camel.support.LifecycleStrategySupport;
import org.springframework.web.method.HandlerMethod;
import org.springframework.web.servlet.mvc.method.RequestMappingInfo;

/**
 * Makes the path of a removed route answer 404, as if it had never been there.
 *
 * <p>Camel 4.17 never takes a path back from Spring: its requests would go to a consumer that is gone, and answer 500. A
 * route that is only stopped keeps its path, for a provider is to try again and not to give up.
 */
final class RemovedHttpRoutes extends LifecycleStrategySupport {

    private final CamelRequestHandlerMapping mapping;

    RemovedHttpRoutes(CamelRequestHandlerMapping mapping) {
        this.mapping = mapping;
    }

    @Override
    public void onRoutesRemove(Collection<Route> routes) {
        for (Route route : routes) {
            if (route.getConsumer() instanceof DefaultPlatformHttpConsumer consumer) {
                Object handler = consumer.getPlatformHttpConsumer();
                Map<RequestMappingInfo, HandlerMethod> mapped = mapping.getHandlerMethods();
                List<RequestMappingInfo> dead = mapped.entrySet().stream()
                        .filter(one -> one.getValue().getBean() == handler)
                        .map(Map.Entry::getKey)
                        .toList();
                dead.forEach(mapping::unregisterMapping);
            }
        }
    }
}
