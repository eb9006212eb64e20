package dev.postrider.queue;

import java.util.Locale;
import java.util.concurrent.ThreadLocalRandom;
import java.util.regex.Pattern;
import org.apache.camel.processor.errorhandler.RedeliveryPolicy;
import org.apache.camel.util.ObjectHelper;

/**
 * A redelivery policy in Camel's own words, whose waiting happens in PostgreSQL instead of in a sleeping thread.
 *
 * <p>All delays are milliseconds. {@code maximumRedeliveries} is the number of failures that are tried again; -1 is
 * without end. A value that makes no sense is refused as soon as it is set.
 */
public final class DurableRedeliveryPolicy extends RedeliveryPolicy {

    private static final long serialVersionUID = 1L;

    /** Numbers that Camel can read. */
    private static final Pattern PATTERN = Pattern.compile("\\d{1,9}:\\d{1,18}(;\\d{1,9}:\\d{1,18})*");

    /** A hundred years of milliseconds: what the database can add to its clock, however often a delay was multiplied. */
    private static final double LONGEST_DELAY = 36_500 * 86_400_000.0;

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
        require(
                maximumRedeliveryWindow >= -1,
                "maximumRedeliveryWindow",
                maximumRedeliveryWindow,
                "-1 for ever, or more");
        this.maximumRedeliveryWindow = maximumRedeliveryWindow;
    }

    @Override
    public void setMaximumRedeliveries(int maximumRedeliveries) {
        require(maximumRedeliveries >= -1, "maximumRedeliveries", maximumRedeliveries, "-1 for without end, or more");
        super.setMaximumRedeliveries(maximumRedeliveries);
    }

    @Override
    public void setRedeliveryDelay(long redeliveryDelay) {
        require(redeliveryDelay >= 0, "redeliveryDelay", redeliveryDelay, "0 or more");
        super.setRedeliveryDelay(redeliveryDelay);
    }

    @Override
    public void setMaximumRedeliveryDelay(long maximumRedeliveryDelay) {
        require(maximumRedeliveryDelay >= -1, "maximumRedeliveryDelay", maximumRedeliveryDelay, "-1 for none, or more");
        super.setMaximumRedeliveryDelay(maximumRedeliveryDelay);
    }

    @Override
    public void setBackOffMultiplier(double backOffMultiplier) {
        require(
                backOffMultiplier >= 1 && Double.isFinite(backOffMultiplier),
                "backOffMultiplier",
                backOffMultiplier,
                "1 or more");
        super.setBackOffMultiplier(backOffMultiplier);
    }

    @Override
    public void setCollisionAvoidanceFactor(double collisionAvoidanceFactor) {
        requireShare("collisionAvoidanceFactor", collisionAvoidanceFactor, 1);
        super.setCollisionAvoidanceFactor(collisionAvoidanceFactor);
    }

    @Override
    public void setCollisionAvoidancePercent(double collisionAvoidancePercent) {
        requireShare("collisionAvoidancePercent", collisionAvoidancePercent, 100);
        super.setCollisionAvoidancePercent(collisionAvoidancePercent);
    }

    @Override
    public void setDelayPattern(String delayPattern) {
        require(
                ObjectHelper.isEmpty(delayPattern)
                        || PATTERN.matcher(delayPattern).matches(),
                "delayPattern",
                "'" + delayPattern + "'",
                "failures:milliseconds, separated by semicolons, as in 1:5000;3:60000");
        super.setDelayPattern(delayPattern);
    }

    private static void requireShare(String field, double value, int whole) {
        require(value >= 0 && value <= whole, field, value, "0 to " + whole);
    }

    private static void require(boolean good, String field, Object value, String instead) {
        if (!good) {
            throw new IllegalArgumentException("%s is %s: give %s".formatted(field, value, instead));
        }
    }

    /** The policy as JSON, for {@code task_types}: what rescue has to know when the node is gone. */
    String declaration(String taskType) {
        return String.format(
                Locale.ROOT,
                "{\"taskType\": \"%s\", \"maximumRedeliveries\": %d, \"redeliveryDelay\": %d, \"backOffMultiplier\": %f,"
                        + " \"maximumRedeliveryDelay\": %d, \"maximumRedeliveryWindow\": %d,"
                        + " \"collisionAvoidanceFactor\": %f}",
                taskType,
                getMaximumRedeliveries(),
                getRedeliveryDelay(),
                growth(),
                getMaximumRedeliveryDelay(),
                maximumRedeliveryWindow,
                isUseCollisionAvoidance() ? getCollisionAvoidanceFactor() : 0);
    }

    private double growth() {
        return isUseExponentialBackOff() ? getBackOffMultiplier() : 1;
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
     * Milliseconds until the next attempt; at most a hundred years.
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
            delay = getRedeliveryDelay() * Math.pow(growth(), failures - 1);
            if (getMaximumRedeliveryDelay() > 0) {
                delay = Math.min(delay, getMaximumRedeliveryDelay());
            }
        }
        // Also before the jitter: of what is infinite no share can be taken.
        delay = Math.min(delay, LONGEST_DELAY);
        if (isUseCollisionAvoidance()) {
            delay += delay
                    * getCollisionAvoidanceFactor()
                    * ThreadLocalRandom.current().nextDouble(-1, 1);
        }
        return (long) Math.min(delay, LONGEST_DELAY);
    }
}
