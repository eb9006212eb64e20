package dev.postrider;

import java.time.Duration;

/** Thrown by a handler to have its task tried again after a while, without counting a failure. */
public class Snooze extends RuntimeException {

    private final transient Duration delay;

    /** @param delay how long to wait; not negative */
    public Snooze(Duration delay) {
        super("snoozed for " + delay);
        this.delay = delay;
    }

    /**
     * For {@code throwException} in YAML, whose message is the only argument.
     *
     * @param milliseconds how long to wait, as text
     * @throws NumberFormatException if that is no number
     */
    public Snooze(String milliseconds) {
        this(Duration.ofMillis(Long.parseLong(milliseconds.strip())));
    }

    public Duration delay() {
        return delay;
    }
}
