package dev.postrider.queue;

import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.apache.camel.CamelContext;
import org.apache.camel.Consumer;
import org.apache.camel.spi.ScheduledPollConsumerScheduler;
import org.apache.camel.support.service.ServiceSupport;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.dao.DataAccessException;

/**
 * Decides when the claim runs: at once when it is woken or when the last claim left work behind, else by a poll that is
 * quick after activity and slow when idle.
 *
 * <p>The poll is the truth: a notification may be missing (the sender found the gate taken, the connection was lost).
 * One thread runs the claim; every other method may be called from any thread.
 */
public final class ClaimScheduler extends ServiceSupport implements ScheduledPollConsumerScheduler {

    private static final Logger LOG = LoggerFactory.getLogger(ClaimScheduler.class);
    private static final long SHORTEST_POLL = 20;
    private static final long LONGEST_POLL = 5_000;
    private static final long SHORTEST_REST = TimeUnit.MILLISECONDS.toNanos(1);
    private static final long LONGEST_REST = TimeUnit.MILLISECONDS.toNanos(16);

    private final Handlers handlers;
    private final Completions completions;
    private final TaskMeters meters;
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition signal = lock.newCondition();

    private CamelContext camelContext;
    private Runnable claim;
    private volatile Thread thread;

    private boolean woken;
    /** It was woken for a change of this node. */
    private boolean changed;

    private boolean room;
    private long poll = SHORTEST_POLL;
    private long nextDue = LONGEST_POLL;
    /** For so many nanoseconds after it was woken in vain a claim is not woken again: nodes hear of what others handle, too. */
    private long rest;
    /** The claim that ran last was asked for. */
    private boolean asked;
    /** The last claim may have left tasks behind. */
    private boolean more;
    /** The last claim told what it found. */
    private boolean heard;

    ClaimScheduler(Handlers handlers, Completions completions, TaskMeters meters) {
        this.handlers = handlers;
        this.completions = completions;
        this.meters = meters;
    }

    /** A task was added somewhere: claim now, or after a rest. */
    public void wake() {
        ask(false);
    }

    /** This node can take what it could not take before: claim now. */
    void reopened() {
        ask(true);
    }

    private void ask(boolean atOnce) {
        lock.lock();
        try {
            woken = true;
            changed |= atOnce;
            poll = SHORTEST_POLL; // what woke us may not be there yet, such as a route that is about to be started
            signal.signal();
        } finally {
            lock.unlock();
        }
    }

    /** A handler has room again: claim now if the last claim left tasks behind. */
    void moreRoom() {
        lock.lock();
        try {
            room = true;
            if (more || handlers.wasCrowded()) {
                signal.signal();
            }
        } finally {
            lock.unlock();
        }
    }

    /**
     * Told by the claim what it found.
     *
     * @param claimed how many tasks it got
     * @param due milliseconds until the next task is due; negative: none waits
     */
    void claimed(int claimed, long due) {
        lock.lock();
        try {
            heard = true;
            more = claimed > 0;
            if (more) {
                poll = SHORTEST_POLL;
            }
            nextDue = due < 0 ? LONGEST_POLL : due;
        } finally {
            lock.unlock();
        }
    }

    private void run() {
        boolean doubt = true; // an earlier run of this route may have ended between a claim and its answer
        while (isRunAllowed() && !isStopping() && thread == Thread.currentThread()) {
            try {
                slowDown();
                doubt = doubt && !settled();
                if (!completions.areBehind()) {
                    claim.run(); // reports its own errors, and calls claimed() only without one
                    doubt = doubt || !heard();
                }
                await();
                meters.woken(asked ? "notify" : "poll");
            } catch (InterruptedException e) {
                return;
            } catch (RuntimeException | Error e) { // whatever it is, this node must go on claiming
                LOG.error("The claim failed; it is made again", e);
                doubt = true;
                pause();
            }
        }
    }

    private static void pause() {
        try {
            TimeUnit.SECONDS.sleep(1);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** Frees what an earlier claim may have taken without our knowing. */
    private boolean settled() {
        try {
            completions.releaseUnheard();
            return true;
        } catch (DataAccessException e) {
            return false; // the claim reports that the database is away
        }
    }

    private boolean heard() {
        lock.lock();
        try {
            return heard;
        } finally {
            lock.unlock();
        }
    }

    private void slowDown() {
        lock.lock();
        try {
            heard = false;
            more = false;
            nextDue = LONGEST_POLL;
            poll = Math.min(poll * 2, LONGEST_POLL);
        } finally {
            lock.unlock();
        }
    }

    /** Waits until the next claim is worth making. */
    private void await() throws InterruptedException {
        lock.lock();
        try {
            rest = more || !asked ? 0 : Math.max(SHORTEST_REST, Math.min(rest * 2, LONGEST_REST));
            long begun = System.nanoTime();
            long jittered = (long) (poll * ThreadLocalRandom.current().nextDouble(0.8, 1.2));
            long longest = TimeUnit.MILLISECONDS.toNanos(Math.min(jittered, Math.max(1, nextDue)));
            while (!(more && (room || handlers.wantMore())) && !(room && handlers.wasCrowded())) {
                long left = begun + (woken ? Math.min(rest, longest) : longest) - System.nanoTime();
                if (left <= 0 || changed) {
                    break;
                }
                signal.awaitNanos(left);
            }
            asked = woken;
            woken = false;
            changed = false;
            room = false;
        } finally {
            lock.unlock();
        }
    }

    @Override
    public void onInit(Consumer consumer) {
        // one consumer, one task: nothing to prepare
    }

    @Override
    public void scheduleTask(Runnable task) {
        claim = task;
    }

    @Override
    public void unscheduleTask() {
        Thread running = thread;
        if (running != null) {
            running.interrupt();
        }
    }

    @Override
    public void startScheduler() {
        thread = new Thread(this::run, "claim");
        thread.setDaemon(true);
        thread.start();
    }

    @Override
    public boolean isSchedulerStarted() {
        return thread != null && thread.isAlive();
    }

    @Override
    public void setCamelContext(CamelContext camelContext) {
        this.camelContext = camelContext;
    }

    @Override
    public CamelContext getCamelContext() {
        return camelContext;
    }
}
