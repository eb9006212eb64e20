package dev.postrider.queue;

import java.util.Map;
import org.apache.camel.Endpoint;
import org.apache.camel.component.kamelet.KameletComponent;

/**
 * Camel's kamelets, which keep the parameter {@code timeout} for themselves: it is handed on to those that declare
 * {@code handlerTimeout}, so that {@code kamelet:task-source} can have a timeout.
 */
final class Kamelets extends KameletComponent {

    @Override
    protected Endpoint createEndpoint(String uri, String remaining, Map<String, Object> parameters) throws Exception {
        Object timeout = parameters.get("timeout");
        if (timeout != null && remaining.startsWith("task-source")) {
            parameters.put("handlerTimeout", timeout);
        }
        return super.createEndpoint(uri, remaining, parameters);
    }
}
