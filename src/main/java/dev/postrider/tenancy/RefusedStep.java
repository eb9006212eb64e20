package dev.postrider.tenancy;

import dev.postrider.database.OutsideWorkspaceException;
import org.apache.camel.AsyncCallback;
import org.apache.camel.CamelContext;
import org.apache.camel.Exchange;
import org.apache.camel.NamedNode;
import org.apache.camel.Processor;
import org.apache.camel.model.ProcessorDefinitionHelper;
import org.apache.camel.model.SendDefinition;
import org.apache.camel.spi.InterceptStrategy;
import org.apache.camel.support.processor.DelegateAsyncProcessor;

/** Says which step of which route was refused for its SQL outside a workspace transaction. */
final class RefusedStep implements InterceptStrategy {

    @Override
    public Processor wrapProcessorInInterceptors(
            CamelContext context, NamedNode step, Processor target, Processor next) {
        if (!(step instanceof SendDefinition<?> send) || !send.getEndpointUri().startsWith("sql")) {
            return target;
        }
        return new DelegateAsyncProcessor(target) {
            @Override
            public boolean process(Exchange exchange, AsyncCallback callback) {
                return super.process(exchange, doneSync -> {
                    if (exchange.getException() instanceof OutsideWorkspaceException refused) {
                        exchange.setException(refused.at(place(send)));
                    }
                    callback.done(doneSync);
                });
            }
        };
    }

    private static String place(SendDefinition<?> step) {
        String place = "route %s, step %s".formatted(ProcessorDefinitionHelper.getRouteId(step), step.getId());
        return step.getLineNumber() > 0 ? place + ", line " + step.getLineNumber() : place;
    }
}
