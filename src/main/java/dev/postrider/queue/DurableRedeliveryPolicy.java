package dev.postrider.queue;

import java.util.concurrent.ThreadLocalRandom;
import org.apache.camel.processor.errorhandler.RedeliveryPolicy;
import org.apache.camel.util.ObjectHelper;

/**
 * A redelivery policy in Camel's own words, whose waiting happens in PostgreSQL instead of in a sleeping thread.
 *
 * <p>All delays are milliseconds. {@code maximumRedeliveries} is the number of failures that are tried again; -1 is
 * without end.
 */
public final class DurableRedeliveryPolicy extends RedeliveryPolicy {

    private static final long serialVersionUID = 1L;

    private long maximumRedeliveryWindow = -1;

    /** Ten redeliveries over about a day: 10 s, then three times as long each time, six hours at most. */
    public DurableRedeliveryPolicy() {
        setMaximumRedeliveries(10);
        setRedeliveryDelay(10_000);
        setUseExponentialBackOff(true);
        setBackOffMultiplier(3);
        setMaximumRedeliveryDelay(21_600_000);
        setUseCollisionAvoidance(true);
    }

    /** How long after it was accepted a task may still be tried again, in milliseconds; -1 (default): for ever. */
    public long getMaximumRedeliveryWindow() {
        return maximumRedeliveryWindow;
    }

    public void setMaximumRedeliveryWindow(long maximumRedeliveryWindow) {
        this.maximumRedeliveryWindow = maximumRedeliveryWindow;
    }

    /**
     * Whether a task is given up.
     *
     * @param failures failures so far, this one included
     * @param age milliseconds since the task was accepted or replayed, by the database's clock
     */
    public boolean isExhausted(int failures, long age) {
        return getMaximumRedeliveries() >= 0 && failures > getMaximumRedeliveries()
                || maximumRedeliveryWindow >= 0 && age >= maximumRedeliveryWindow;
    }

    /**
     * Milliseconds until the next attempt.
     *
     * <p>Camel computes each delay from the one before, jitter included, so that jitter compounds; here the delay is
     * computed without jitter, and the jitter added once.
     *
     * @param failures failures so far, this one included; at least 1
     */
    public long delayAfter(int failures) {
        double delay;
        if (ObjectHelper.isNotEmpty(getDelayPattern())) {
            delay = calculateRedeliverDelayUsingPattern(getDelayPattern(), failures);
        } else {
            double growth = isUseExponentialBackOff() ? Math.max(1, getBackOffMultiplier()) : 1;
            delay = getRedeliveryDelay() * Math.pow(growth, failures - 1);
            if (getMaximumRedeliveryDelay() > 0) {
                delay = Math.min(delay, getMaximumRedeliveryDelay());
            }
        }
        if (isUseCollisionAvoidance()) {
            delay += delay
                    * getCollisionAvoidanceFactor()
                    * ThreadLocalRandom.current().nextDouble(-1, 1);
        }
        return (long) delay;
    }
}
