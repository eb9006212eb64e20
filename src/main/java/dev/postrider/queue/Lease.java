package dev.postrider.queue;

import java.time.Duration;
import java.util.Map;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What this node may believe of its lease, which all its tasks hang on; the route {@code heartbeat} renews it.
 *
 * <p>The lease lasts 20 s from before the heartbeat was sent, by the clock that only counts and that nobody sets. When it ends
 * the other nodes may take the tasks over, so this one stops its handlers, and takes nothing until a heartbeat is answered.
 */
public final class Lease {

    private static final Logger LOG = LoggerFactory.getLogger(Lease.class);
    /** As long as {@code rescue_tasks} waits. */
    private static final long LENGTH = Duration.ofSeconds(20).toNanos();

    private final Handlers handlers;
    private final Timers timers;
    private final ClaimScheduler scheduler;

    private long sent;
    private boolean begun;
    private ScheduledFuture<?> end;
    /** How many heartbeats were answered: an alarm that was set by an earlier one may go off while the answer is taken. */
    private long answers;

    /** Runs something after so many milliseconds. */
    @FunctionalInterface
    interface Timers {
        ScheduledFuture<?> after(long delay, Runnable action);
    }

    Lease(Handlers handlers, Timers timers, ClaimScheduler scheduler) {
        this.handlers = handlers;
        this.timers = timers;
        this.scheduler = scheduler;
    }

    /** A heartbeat is about to be sent. */
    public synchronized void ask() {
        sent = System.nanoTime();
    }

    /** @param answer the row of {@code renew_lease} */
    public synchronized void renewed(Map<String, Object> answer) {
        long answered = ++answers;
        if (end != null) {
            end.cancel(false);
        }
        if (begun && !Boolean.TRUE.equals(answer.get("known"))) {
            // Not leased at once: what a worker has just taken in its hands has to see that the lease was lost.
            lose("it had been silent for 20 s");
            return;
        }
        begun = true;
        long left = sent + LENGTH - System.nanoTime();
        if (left <= 0) {
            lose("the answer to its heartbeat came after 20 s");
            return;
        }
        end = timers.after(TimeUnit.NANOSECONDS.toMillis(left), () -> expire(answered));
        if (handlers.leased()) {
            scheduler.reopened();
        }
    }

    private synchronized void expire(long answer) {
        if (answer == answers) {
            lose("its heartbeat was not answered for 20 s");
        }
    }

    private synchronized void lose(String why) {
        int stopped = handlers.unleased();
        LOG.warn("This node lost its lease: {}; {} tasks were stopped here, and run again", why, stopped);
    }
}
