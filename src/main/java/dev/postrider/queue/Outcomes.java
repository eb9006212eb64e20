package dev.postrider.queue;

import dev.postrider.Discard;
import dev.postrider.Snooze;
import dev.postrider.queue.Attempt.Stop;
import dev.postrider.tenancy.WorkspaceTransactionPolicy;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeoutException;
import java.util.function.BooleanSupplier;
import org.apache.camel.Exchange;

/** Decides how the tasks of an attempt have ended. */
final class Outcomes {

    /** The SQLSTATE of whatever is done in a suspended workspace, whose tasks are not claimed either. */
    private static final String SUSPENDED = "PR423";

    private static final Duration WHILE_SUSPENDED = Duration.ofMinutes(1);
    private static final Duration LONGEST_DELAY = Duration.ofDays(36_500);
    private static final Duration WITHOUT_A_POLICY = Duration.ofSeconds(10);

    private final TaskEndpoint endpoint;
    private final BooleanSupplier cutOff;

    /** @param cutOff whether whatever fails now is not the handler's fault */
    Outcomes(TaskEndpoint endpoint, BooleanSupplier cutOff) {
        this.endpoint = endpoint;
        this.cutOff = cutOff;
    }

    /**
     * One outcome for each of the attempt's tasks, in their order; throws nothing.
     *
     * @param stopped why the attempt was stopped, if it was
     */
    List<Outcome> of(Attempt attempt, Optional<Stop> stopped) {
        try {
            List<Outcome> outcomes = new ArrayList<>(attempt.tasks().size());
            for (ClaimedTask task : attempt.tasks()) { // a stream costs a short task 5 % of its time here
                outcomes.add(outcome(attempt, task, stopped));
            }
            return outcomes;
        } catch (Throwable e) { // of an exception that cannot be read, or a policy that is gone as the node stops
            Outcome failed = new Outcome.Retry(FailureWords.of(e), WITHOUT_A_POLICY);
            return Collections.nCopies(attempt.tasks().size(), failed);
        }
    }

    private Outcome outcome(Attempt attempt, ClaimedTask task, Optional<Stop> stopped) {
        Optional<Throwable> failure = failure(attempt.exchange(), stopped);
        if (failure.isEmpty()) {
            return new Outcome.Completed();
        }
        if (stopped.filter(Stop.CANCELLED::equals).isPresent()) {
            return new Outcome.Cancelled();
        }
        if (stopped.filter(why -> why != Stop.TIMEOUT).isPresent() || cutOff.getAsBoolean()) {
            return new Outcome.Released();
        }
        Throwable error = failure.get();
        boolean alone = attempt.tasks().size() == 1;
        for (Throwable t : ErrorText.causes(error)) {
            if (t instanceof Discard && alone) {
                return new Outcome.Discarded(ErrorText.messageOf(t, "the handler gave no reason"));
            }
            if (t instanceof Snooze snooze) {
                return new Outcome.Snoozed(bounded(snooze.delay()));
            }
            if (t instanceof SQLException sql && SUSPENDED.equals(sql.getSQLState())) {
                return new Outcome.Snoozed(WHILE_SUSPENDED);
            }
        }
        DurableRedeliveryPolicy own = attempt.exchange().getProperty("redeliveryPolicy", DurableRedeliveryPolicy.class);
        DurableRedeliveryPolicy policy = own == null ? endpoint.policy() : own;
        int failures = task.failures() + 1;
        // A batch is never given up: it may have failed for one of its tasks, and next time each is alone.
        return alone && policy.isExhausted(failures, task.age().toMillis())
                ? new Outcome.Dead(FailureWords.of(error))
                : new Outcome.Retry(FailureWords.of(error), bounded(Duration.ofMillis(policy.delayAfter(failures))));
    }

    private Optional<Throwable> failure(Exchange exchange, Optional<Stop> stopped) {
        if (stopped.filter(Stop.TIMEOUT::equals).isPresent()) {
            return Optional.of(new TimeoutException(
                    "The handler ran longer than its timeout of %d ms".formatted(endpoint.getTimeout())));
        }
        if (exchange.getException() == null
                && exchange.getProperty(WorkspaceTransactionPolicy.ROLLED_BACK, false, Boolean.class)) {
            return Optional.of(new IllegalStateException("The handler rolled its transaction back"));
        }
        return Optional.ofNullable(exchange.getException());
    }

    /** A delay that the database can add to its clock. */
    private static Duration bounded(Duration delay) {
        if (delay.isNegative()) {
            return Duration.ZERO;
        }
        return delay.compareTo(LONGEST_DELAY) < 0 ? delay : LONGEST_DELAY;
    }
}
