package dev.postrider.queue;

import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.apache.camel.CamelContext;
import org.apache.camel.impl.engine.DefaultShutdownStrategy;
import org.apache.camel.spi.RouteStartupOrder;
import org.apache.camel.spring.boot.CamelContextConfiguration;
import org.springframework.beans.BeanUtils;
import org.springframework.stereotype.Component;

/**
 * Camel's graceful shutdown, but that a route which handles tasks is given no more of them before it is stopped.
 *
 * <p>Its consumer is a kamelet's, which Camel lets take exchanges until nothing runs in the route any more. With tasks
 * waiting that is never so, and each stop would take the whole timeout and end by force.
 */
final class HandlerShutdownStrategy extends DefaultShutdownStrategy {

    private static final Duration LOOK_AGAIN = Duration.ofMillis(10);
    /** For what Camel does when nothing runs any more. */
    private static final Duration AT_LEAST = Duration.ofSeconds(1);

    private final Handlers handlers;

    private HandlerShutdownStrategy(Handlers handlers) {
        this.handlers = handlers;
    }

    /** Takes the place of the context's own strategy, with its settings. */
    @Component
    record Installation(Handlers handlers) implements CamelContextConfiguration {

        @Override
        public void beforeApplicationStart(CamelContext context) {
            HandlerShutdownStrategy strategy = new HandlerShutdownStrategy(handlers);
            BeanUtils.copyProperties(context.getShutdownStrategy(), strategy);
            context.setShutdownStrategy(strategy);
        }

        @Override
        public void afterApplicationStart(CamelContext context) {
            // nothing is left to do
        }
    }

    @Override
    protected boolean doShutdown(
            CamelContext context,
            List<RouteStartupOrder> routes,
            long timeout,
            TimeUnit unit,
            boolean suspendOnly,
            boolean abortAfterTimeout,
            boolean forceShutdown)
            throws Exception {
        Set<String> stopping =
                routes.stream().map(order -> order.getRoute().getId()).collect(Collectors.toSet());
        List<TaskConsumer> consumers = handlers.of(stopping);
        consumers.forEach(TaskConsumer::handlerStops);
        try {
            // Camel waits for those that stop as well.
            List<TaskConsumer> staying = consumers.stream()
                    .filter(consumer -> !stopping.contains(consumer.getRouteId()))
                    .toList();
            Duration left = awaitIdle(staying, Duration.of(timeout, unit.toChronoUnit()));
            return super.doShutdown(
                    context,
                    routes,
                    Math.max(left.toMillis(), AT_LEAST.toMillis()),
                    TimeUnit.MILLISECONDS,
                    suspendOnly,
                    abortAfterTimeout,
                    forceShutdown);
        } finally {
            consumers.forEach(TaskConsumer::handlerHasStopped);
        }
    }

    /** Returns how much of the time is left. */
    private static Duration awaitIdle(List<TaskConsumer> consumers, Duration time) throws InterruptedException {
        long end = System.nanoTime() + time.toNanos();
        while (!consumers.stream().allMatch(TaskConsumer::isIdle) && System.nanoTime() < end) {
            Thread.sleep(LOOK_AGAIN.toMillis());
        }
        return Duration.ofNanos(end - System.nanoTime());
    }
}
