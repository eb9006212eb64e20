package dev.postrider.queue;

import java.util.Map;
import org.apache.camel.Endpoint;
import org.apache.camel.spi.CamelEvent;
import org.apache.camel.support.DefaultComponent;
import org.apache.camel.support.EventNotifierSupport;

/** The scheme {@code task:}, behind {@code kamelet:task-source}: a route that starts from it handles a task type. */
public final class TaskComponent extends DefaultComponent {

    private final Handlers handlers;
    private final Completions completions;
    private final ClaimScheduler scheduler;
    private final TaskMeters meters;

    TaskComponent(Handlers handlers, Completions completions, ClaimScheduler scheduler, TaskMeters meters) {
        this.handlers = handlers;
        this.completions = completions;
        this.scheduler = scheduler;
        this.meters = meters;
    }

    @Override
    protected void doStart() throws Exception {
        super.doStart();
        getCamelContext().getManagementStrategy().addEventNotifier(new RouteEvents());
    }

    @Override
    protected Endpoint createEndpoint(String uri, String remaining, Map<String, Object> parameters) throws Exception {
        TaskEndpoint endpoint = new TaskEndpoint(uri, this, remaining);
        setProperties(endpoint, parameters);
        endpoint.check();
        return endpoint;
    }

    Handlers handlers() {
        return handlers;
    }

    Completions completions() {
        return completions;
    }

    ClaimScheduler scheduler() {
        return scheduler;
    }

    TaskMeters meters() {
        return meters;
    }

    /**
     * A route that starts may handle tasks that nobody could take before: they need not wait for the poll. One that has
     * stopped handles none any more, and what still runs has had its time.
     */
    private final class RouteEvents extends EventNotifierSupport {

        RouteEvents() {
            setIgnoreCamelContextEvents(true);
            setIgnoreExchangeEvents(true);
            setIgnoreServiceEvents(true);
            setIgnoreStepEvents(true);
        }

        @Override
        public void notify(CamelEvent event) {
            if (event instanceof CamelEvent.RouteStartedEvent) {
                scheduler.reopened();
            } else if (event instanceof CamelEvent.RouteStoppedEvent stopped) {
                handlers.routeStopped(stopped.getRoute().getRouteId());
            }
        }
    }
}
