package dev.postrider.queue;

import java.util.function.LongSupplier;

/** Lets something be done again only when its last run was at most a given part of the time since. Not for several threads. */
final class Pace {

    private final double share;
    private final LongSupplier nanoseconds;
    private long begun;
    private long next;

    /**
     * @param share of the time, such as 0.01
     * @param nanoseconds a clock that only counts, such as {@link System#nanoTime}
     */
    Pace(double share, LongSupplier nanoseconds) {
        this.share = share;
        this.nanoseconds = nanoseconds;
        this.next = nanoseconds.getAsLong();
    }

    /** Whether it may be done now; if so the run begins. */
    boolean begin() {
        begun = nanoseconds.getAsLong();
        return begun - next >= 0;
    }

    /** The run that began last has ended. */
    void end() {
        next = begun + (long) ((nanoseconds.getAsLong() - begun) / share);
    }
}
