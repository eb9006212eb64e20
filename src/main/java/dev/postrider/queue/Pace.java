package dev.postrider.queue;

/** Lets something be done again only when its last run was at most a given part of the time since. Not for several threads. */
final class Pace {

    private final double share;
    private long begun;
    private long next = System.nanoTime();

    /** @param share of the time, such as 0.01 */
    Pace(double share) {
        this.share = share;
    }

    /** Whether it may be done now; if so the run begins. */
    boolean begin() {
        begun = System.nanoTime();
        return begun - next >= 0;
    }

    /** The run that began last has ended. */
    void end() {
        next = begun + (long) ((System.nanoTime() - begun) / share);
    }
}
