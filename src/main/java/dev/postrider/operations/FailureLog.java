package dev.postrider.operations;

import dev.postrider.Snooze;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.stream.Stream;
import org.apache.camel.CamelContext;
import org.apache.camel.Exchange;
import org.apache.camel.spi.CamelEvent;
import org.apache.camel.spi.CamelEvent.ExchangeFailedEvent;
import org.apache.camel.spring.boot.CamelContextConfiguration;
import org.apache.camel.support.EventNotifierSupport;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.stereotype.Component;

/**
 * Says in one line that an exchange failed, and where; the stack trace comes at level debug.
 *
 * <p>Requests to the API are not logged: their callers get the reason as an answer.
 */
@Component
class FailureLog implements CamelContextConfiguration {

    private static final Logger LOG = LoggerFactory.getLogger(FailureLog.class);

    private static final int MOST_CAUSES = 50;

    /** Before the start: Camel decides then whether it tells anybody of events. */
    @Override
    public void beforeApplicationStart(CamelContext context) {
        context.getManagementStrategy().addEventNotifier(new Notifier());
    }

    @Override
    public void afterApplicationStart(CamelContext context) {
        // nothing is left to do
    }

    private static String rootOf(Throwable error) {
        Throwable root = error;
        // Causes can go round in a circle.
        for (int depth = 0; depth < MOST_CAUSES && root.getCause() != null; depth++) {
            root = root.getCause();
        }
        return root.toString().lines().findFirst().orElse("").replaceAll("\\p{Cntrl}", " "); // may hold a caller's text
    }

    private static final class Notifier extends EventNotifierSupport {

        /** As many as fail at once, and some more. */
        private static final int REMEMBERED = 1_000;

        /**
         * An exchange that goes through a kamelet is copied, and so the same failure is told twice. Exceptions that are
         * equal, or thrown again and again because there is only one of them, are failures of their own all the same.
         */
        private final Set<Failure> logged =
                Collections.synchronizedSet(Collections.newSetFromMap(new LinkedHashMap<>() {
                    private static final long serialVersionUID = 1L;

                    @Override
                    protected boolean removeEldestEntry(Map.Entry<Failure, Boolean> eldest) {
                        return size() > REMEMBERED;
                    }
                }));

        /** One exception of one attempt; holds on to neither. */
        private record Failure(int exception, Object task, Object attempt, int batch) {
            static Failure of(Exchange exchange) {
                return new Failure(
                        System.identityHashCode(exchange.getException()),
                        exchange.getProperty("taskId"),
                        exchange.getProperty("attempt"),
                        System.identityHashCode(exchange.getProperty("tasks")));
            }
        }

        Notifier() {
            setIgnoreCamelContextEvents(true);
            setIgnoreRouteEvents(true);
            setIgnoreServiceEvents(true);
            setIgnoreStepEvents(true);
            setIgnoreExchangeAsyncProcessingStartedEvents(true);
            setIgnoreExchangeCompletedEvent(true);
            setIgnoreExchangeCreatedEvent(true);
            setIgnoreExchangeRedeliveryEvents(true);
            setIgnoreExchangeSendingEvents(true);
            setIgnoreExchangeSentEvents(true);
        }

        @Override
        public boolean isEnabled(CamelEvent event) {
            return event instanceof ExchangeFailedEvent;
        }

        @Override
        public void notify(CamelEvent event) {
            Exchange exchange = ((ExchangeFailedEvent) event).getExchange();
            if (exchange.getProperty("operationId") != null
                    || exchange.getException() == null
                    || !logged.add(Failure.of(exchange))) {
                return;
            }
            String what = what(exchange);
            if (!waitsAgain(exchange.getException())) {
                LOG.warn("{}: {}", what, rootOf(exchange.getException()));
            }
            LOG.debug(what, exchange.getException());
        }

        /** Causes can be a circle. */
        private static boolean waitsAgain(Throwable failure) {
            return Stream.iterate(failure, Objects::nonNull, Throwable::getCause)
                    .limit(MOST_CAUSES)
                    .anyMatch(Snooze.class::isInstance);
        }

        private static String what(Exchange exchange) {
            String task = exchange.getProperty("taskId", String.class);
            if (task != null) {
                return "Task %s (%s) failed in attempt %s"
                        .formatted(task, exchange.getProperty("taskType"), exchange.getProperty("attempt"));
            }
            if (exchange.getProperty("tasks") instanceof List<?> batch) {
                return "Tasks %s (%s) failed together"
                        .formatted(
                                batch.stream()
                                        .map(one -> one instanceof Map<?, ?> entry ? entry.get("taskId") : one)
                                        .toList(),
                                exchange.getProperty("taskType"));
            }
            return "Route %s failed".formatted(exchange.getFromRouteId());
        }
    }
}
