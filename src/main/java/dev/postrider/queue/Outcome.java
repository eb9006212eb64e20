package dev.postrider.queue;

import java.time.Duration;

/** How an attempt ended. */
sealed interface Outcome {

    /** The name that metrics and {@code end_attempts} use. */
    String name();

    /** It succeeded. */
    record Completed() implements Outcome {
        @Override
        public String name() {
            return "completed";
        }
    }

    /** It failed and is tried again. */
    record Retry(String error, Duration delay) implements Outcome {
        @Override
        public String name() {
            return "retry";
        }
    }

    /** The handler wants it later; no failure is counted. */
    record Snoozed(Duration delay) implements Outcome {
        @Override
        public String name() {
            return "snooze";
        }
    }

    /** It failed and its policy is exhausted. */
    record Dead(String error) implements Outcome {
        @Override
        public String name() {
            return "dead";
        }
    }

    /** The handler gave it up. */
    record Discarded(String reason) implements Outcome {
        @Override
        public String name() {
            return "discard";
        }
    }
}
