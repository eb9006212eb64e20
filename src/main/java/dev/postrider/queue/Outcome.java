package dev.postrider.queue;

import java.time.Duration;

/** How an attempt ended. */
sealed interface Outcome {

    /** The name that metrics use. */
    String name();

    /** The name that {@code end_attempts} uses. */
    default String ending() {
        return name();
    }

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

    /** It was not begun, or stopped before its end: it waits again at once, and no failure is counted. */
    record Released() implements Outcome {
        @Override
        public String name() {
            return "released";
        }

        @Override
        public String ending() {
            return "snooze";
        }
    }

    /** It was stopped because somebody asked for that: the database, which knows it, lets it not wait again. */
    record Cancelled() implements Outcome {
        @Override
        public String name() {
            return "cancelled";
        }

        @Override
        public String ending() {
            return "snooze";
        }
    }
}
