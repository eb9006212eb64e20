package dev.postrider.routes;

import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.apache.camel.CamelContext;
import org.apache.camel.support.LifecycleStrategySupport;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Looks at the route files again and again, comparing what stands in them.
 *
 * <p>Notifications of the file system would miss what Kubernetes does to a mounted ConfigMap, and folders made later.
 */
final class RouteWatch {

    private static final Logger LOG = LoggerFactory.getLogger(RouteWatch.class);
    /** What fails for a reason outside its file, such as a server that is down, is tried at every tenth look. */
    private static final int LOOKS_PER_RETRY = 10;

    private final RouteLoader loader;
    private int looks;

    private RouteWatch(RouteLoader loader) {
        this.loader = loader;
    }

    /**
     * Loads the files now, and watches them until the context begins to stop.
     *
     * @param interval in milliseconds; 0 to load once
     */
    static void start(CamelContext context, RouteLoader loader, long interval) {
        loader.reload();
        context.addLifecycleStrategy(new LifecycleStrategySupport() {
            @Override
            public void onContextStopping(CamelContext stopping) {
                loader.close();
            }
        });
        if (interval > 0) {
            RouteWatch watch = new RouteWatch(loader);
            // Camel ends the threads that it has made together with the context.
            ScheduledExecutorService thread =
                    context.getExecutorServiceManager().newSingleThreadScheduledExecutor(watch, "route-files");
            thread.scheduleWithFixedDelay(watch::look, interval, interval, TimeUnit.MILLISECONDS);
        }
    }

    private void look() {
        try {
            looks++;
            if (looks % LOOKS_PER_RETRY == 0) {
                loader.applyChangesAndRetry();
            } else {
                loader.applyChanges();
            }
        } catch (RuntimeException e) {
            // An exception would end the schedule, and no later change would ever be seen.
            LOG.error("Looking for changed routes failed, the next look is in a moment", e);
        }
    }
}
