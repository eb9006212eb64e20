package dev.postrider.queue;

import java.util.Map;
import org.apache.camel.AsyncCallback;
import org.apache.camel.AsyncProducer;
import org.apache.camel.Endpoint;
import org.apache.camel.Exchange;
import org.apache.camel.Producer;
import org.apache.camel.Route;
import org.apache.camel.component.kamelet.Kamelet;
import org.apache.camel.component.kamelet.KameletComponent;
import org.apache.camel.component.kamelet.KameletEndpoint;
import org.apache.camel.support.DefaultAsyncProducer;
import org.apache.camel.support.DefaultConsumer;
import org.apache.camel.support.ExchangeHelper;
import org.apache.camel.support.service.ServiceHelper;

/**
 * Camel's kamelets, with two changes for {@code kamelet:task-source}.
 *
 * <p>Camel keeps the parameter {@code timeout} for itself: it is handed on to kamelets that declare
 * {@code handlerTimeout}. And a task goes from the kamelet into the handler's route as it is: Camel would copy its
 * exchange there and back, which is a quarter of what a short task costs.
 */
final class Kamelets extends KameletComponent {

    @Override
    protected Endpoint createEndpoint(String uri, String remaining, Map<String, Object> parameters) throws Exception {
        Object timeout = parameters.get("timeout");
        if (timeout != null && remaining.startsWith("task-source")) {
            parameters.put("handlerTimeout", timeout);
        }
        Endpoint endpoint = super.createEndpoint(uri, remaining, parameters);
        return remaining.equals(Kamelet.SINK_ID) ? new Sink(uri, (KameletEndpoint) endpoint) : endpoint;
    }

    /** Where a kamelet hands over to the route that uses it. */
    private final class Sink extends KameletEndpoint {

        Sink(String uri, KameletEndpoint usual) {
            super(uri, Kamelets.this, usual.getTemplateId(), usual.getRouteId());
            setNoErrorHandler(usual.isNoErrorHandler());
            setBlock(usual.isBlock());
            setTimeout(usual.getTimeout());
            setLocation(usual.getLocation());
        }

        @Override
        public Producer createProducer() throws Exception {
            return new HandOver(this, (AsyncProducer) super.createProducer());
        }
    }

    private static final class HandOver extends DefaultAsyncProducer {

        private final AsyncProducer usual;

        HandOver(Sink sink, AsyncProducer usual) {
            super(sink);
            this.usual = usual;
        }

        @Override
        public boolean process(Exchange exchange, AsyncCallback callback) {
            Route route = ExchangeHelper.getRoute(exchange);
            DefaultConsumer to =
                    route != null && route.getConsumer() instanceof TaskConsumer tasks ? tasks.handler() : null;
            if (to == null) {
                return usual.process(exchange, callback);
            }
            exchange.getExchangeExtension().setFromEndpoint(to.getEndpoint());
            exchange.getExchangeExtension().setFromRouteId(to.getRouteId());
            return to.getAsyncProcessor().process(exchange, callback);
        }

        @Override
        protected void doStart() throws Exception {
            super.doStart();
            ServiceHelper.startService(usual);
        }

        @Override
        protected void doStop() throws Exception {
            ServiceHelper.stopService(usual);
            super.doStop();
        }
    }
}
