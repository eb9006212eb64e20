package dev.postrider.queue;

import java.util.List;
import java.util.Optional;
import org.apache.camel.Exchange;
import org.apache.camel.support.PluginHelper;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One run of a handler's route, for one task or a batch: the only place that stops a handler, at most once, and knows why.
 *
 * <p>It belongs to the thread that makes it, which runs the handler; the others may only stop or settle it.
 */
final class Attempt {

    /** Why a handler is stopped before its end. */
    enum Stop {
        TIMEOUT,
        CANCELLED,
        /** Other nodes may run its tasks by now. */
        LEASE_LOST,
        /** The node or the route stops, and its grace period is over. */
        SHUTDOWN
    }

    private static final Logger LOG = LoggerFactory.getLogger(Attempt.class);

    private final List<ClaimedTask> tasks;
    private final Exchange exchange;
    private Thread handler = Thread.currentThread();
    private Stop stopped;
    private boolean settled;
    private String report;

    /** @param tasks of one workspace; not empty */
    Attempt(List<ClaimedTask> tasks, Exchange exchange) {
        this.tasks = tasks;
        this.exchange = exchange;
    }

    List<ClaimedTask> tasks() {
        return tasks;
    }

    Exchange exchange() {
        return exchange;
    }

    /** Keeps what the handler has left to be recorded with the end of its task, before the exchange is used again. */
    void keepReport() {
        report = tasks.size() == 1 ? exchange.getProperty("attemptReport", String.class) : null;
    }

    /** JSON that {@code record_attempts} reads; null if there is none. */
    String report() {
        return report;
    }

    /** Interrupts the handler, unless that has happened before, or it has ended. */
    synchronized void stop(Stop why) {
        if (handler != null && stopped == null) {
            stopped = why;
            handler.interrupt();
            // A step that works on another thread, such as delay, keeps this one in a wait that ignores interrupts.
            try {
                PluginHelper.getAsyncProcessorAwaitManager(exchange.getContext())
                        .interrupt(exchange);
            } catch (RuntimeException e) {
                LOG.warn("A handler that was interrupted may run on: {}", ErrorText.of(e));
            }
        }
    }

    /** The handler has ended: nothing interrupts it any more, nor does what did reach the next task. Says why it was stopped. */
    synchronized Optional<Stop> end() {
        handler = null;
        if (stopped != null) {
            Thread.interrupted();
        }
        return Optional.ofNullable(stopped);
    }

    /** True once: for whoever tells the outcome. */
    synchronized boolean settle() {
        boolean first = !settled;
        settled = true;
        return first;
    }
}
