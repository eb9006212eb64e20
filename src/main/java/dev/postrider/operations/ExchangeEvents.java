package dev.postrider.operations;

import org.apache.camel.CamelContext;
import org.apache.camel.spring.boot.CamelContextConfiguration;
import org.apache.camel.support.EventNotifierSupport;
import org.springframework.stereotype.Component;

/**
 * Spares exchanges the events that nobody wants: Camel makes several for each step as soon as one listener does not say
 * that it ignores them, and two of Camel's own only look at routes and at the context.
 */
@Component
class ExchangeEvents implements CamelContextConfiguration {

    @Override
    public void beforeApplicationStart(CamelContext context) {
        // not all listeners are there yet
    }

    @Override
    public void afterApplicationStart(CamelContext context) {
        context.getManagementStrategy().getEventNotifiers().forEach(listener -> {
            if (listener instanceof EventNotifierSupport support
                    && listener.getClass().getPackageName().startsWith("org.apache.camel.")) {
                support.setIgnoreExchangeEvents(true);
            }
        });
    }
}
