package dev.postrider;

/** Thrown by a handler to give its task up at once: the task is discarded with this reason, not tried again. */
public class Discard extends RuntimeException {

    /** @param reason why, for the people who look at the task's history */
    public Discard(String reason) {
        super(reason);
    }
}
