package dev.postrider.queue;

import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.function.LongSupplier;

/**
 * From when on claims look for tasks that are due.
 *
 * <p>While somebody keeps a transaction open, PostgreSQL keeps an index entry of each task that was claimed meanwhile, and
 * a claim steps over all of them: 0.1 s after ten minutes at 500 tasks per second. So once looking at everything is slow,
 * it gets a tenth of the time; the claims between look at what is due since shortly before the tasks that it brought. What
 * they do not see, such as a task that was made due long before its commit, waits for the next look at everything.
 *
 * <p>Used by the thread that claims. All moments are the database's.
 */
final class ClaimWindow {

    private static final double SHARE = 0.1;
    private static final Duration SLOW = Duration.ofMillis(20);
    private static final Duration SLOW_PER_TASK = Duration.ofNanos(100_000);
    /** Few transactions that enqueue take longer. */
    private static final Duration MARGIN = Duration.ofSeconds(2);

    private final Pace everything;
    private Optional<Instant> start = Optional.empty();
    private boolean looksAtEverything;

    /** @param nanoseconds a clock that only counts, such as {@link System#nanoTime} */
    ClaimWindow(LongSupplier nanoseconds) {
        this.everything = new Pace(SHARE, nanoseconds);
    }

    /** A claim begins; tells from when on it looks, empty: at everything. */
    Optional<Instant> begin() {
        looksAtEverything = everything.begin() || start.isEmpty();
        return looksAtEverything ? Optional.empty() : start;
    }

    /**
     * The claim has ended.
     *
     * @param tasks that it brought
     * @param databaseTime when it was answered
     * @param lasted what it took in the database, without its commit: a slow disk is no reason to look at less
     */
    void end(List<ClaimedTask> tasks, Instant databaseTime, Duration lasted) {
        if (!looksAtEverything) {
            return;
        }
        everything.end();
        boolean slow = lasted.compareTo(SLOW.plus(SLOW_PER_TASK.multipliedBy(tasks.size()))) > 0;
        Duration longest =
                tasks.stream().map(ClaimedTask::waited).max(Duration::compareTo).orElse(Duration.ZERO);
        start = slow ? Optional.of(databaseTime.minus(longest).minus(MARGIN)) : Optional.empty();
    }

    /** Whether there may be due tasks that the next claim does not look at. */
    boolean isNarrow() {
        return start.isPresent();
    }
}
