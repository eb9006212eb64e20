package dev.postrider.queue;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.postrider.Discard;
import dev.postrider.Snooze;
import dev.postrider.tenancy.EnteredWorkspace;
import dev.postrider.tenancy.WorkspaceTransactionPolicy;
import java.sql.SQLException;
import java.time.Duration;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;
import org.apache.camel.ServiceStatus;
import org.apache.camel.ShutdownRunningTask;
import org.apache.camel.spi.ShutdownAware;
import org.apache.camel.support.DefaultConsumer;
import org.apache.camel.support.PluginHelper;

/**
 * Runs the claimed tasks of one type through their handler's route, {@code concurrency} at a time.
 *
 * <p>A task ends when its route ends: without an exception it is completed, with one it has failed. In an orderly stop
 * running handlers finish, and tasks that were not begun go back to waiting at once.
 */
final class TaskConsumer extends DefaultConsumer implements ShutdownAware {

    private static final ObjectMapper JSON =
            new ObjectMapper().enable(DeserializationFeature.USE_BIG_DECIMAL_FOR_FLOATS);
    /** The SQLSTATE of whatever is done in a suspended workspace, whose tasks are not claimed either. */
    private static final String SUSPENDED = "PR423";

    private static final Duration WHILE_SUSPENDED = Duration.ofMinutes(1);

    private static final Duration LONGEST_DELAY = Duration.ofDays(36_500);
    private static final Duration WITHOUT_A_POLICY = Duration.ofSeconds(10);

    private final TaskEndpoint endpoint;
    private final TaskComponent component;
    private final Backlog backlog;

    private volatile boolean accepting;
    private ExecutorService workers;

    TaskConsumer(TaskEndpoint endpoint, Processor processor) {
        super(endpoint, processor);
        this.endpoint = endpoint;
        this.component = endpoint.getComponent();
        this.backlog = new Backlog(endpoint.getConcurrency(), endpoint.getPrefetch());
    }

    String taskType() {
        return endpoint.taskType();
    }

    DurableRedeliveryPolicy policy() {
        return endpoint.policy();
    }

    String handlerRouteId() {
        return endpoint.getHandlerRouteId();
    }

    /** How many more tasks this consumer takes. */
    int free() {
        return takesTasks() ? backlog.free() : 0;
    }

    /** The workspaces of which it takes none, because it holds their share. */
    Set<UUID> full() {
        return backlog.full();
    }

    /** Whether a claim is worth a round trip. */
    boolean wantsMore() {
        return backlog.wantsMore() && takesTasks();
    }

    /** Takes a claimed task, unless this consumer has stopped meanwhile. */
    synchronized boolean offer(ClaimedTask task) {
        if (!accepting) {
            return false;
        }
        backlog.add(task);
        return true;
    }

    private boolean takesTasks() {
        return accepting && handlerRuns();
    }

    private boolean handlerRuns() {
        if (endpoint.getHandlerRouteId().isEmpty()) {
            return true;
        }
        ServiceStatus status =
                getEndpoint().getCamelContext().getRouteController().getRouteStatus(endpoint.getHandlerRouteId());
        return status != null && status.isStarted();
    }

    @Override
    protected void doStart() throws Exception {
        super.doStart();
        endpoint.policy(); // a wrong name fails the start, not the first failure
        component.handlers().open(this);
        accepting = true;
        int concurrency = Math.max(1, endpoint.getConcurrency());
        workers = getEndpoint()
                .getCamelContext()
                .getExecutorServiceManager()
                .newFixedThreadPool(this, "task-" + taskType(), concurrency);
        for (int i = 0; i < concurrency; i++) {
            workers.execute(this::work);
        }
        component.scheduler().wake();
    }

    @Override
    protected void doStop() throws Exception {
        stopAccepting();
        getEndpoint().getCamelContext().getExecutorServiceManager().shutdownNow(workers);
        super.doStop();
    }

    @Override
    public boolean deferShutdown(ShutdownRunningTask shutdownRunningTask) {
        // Camel prepares a deferred consumer only when nothing is pending any more: by then the backlog would have run.
        stopAccepting();
        return true; // running handlers may still need the routes that they call
    }

    @Override
    public int getPendingExchangesSize() {
        return backlog.held();
    }

    @Override
    public void prepareShutdown(boolean suspendOnly, boolean forced) {
        stopAccepting();
    }

    private synchronized void stopAccepting() {
        accepting = false;
        component.handlers().close(this);
        backlog.clear().forEach(component.completions()::release);
    }

    private void work() {
        while (isRunAllowed() && !Thread.currentThread().isInterrupted()) {
            Optional<ClaimedTask> taken;
            try {
                taken = backlog.take(1, TimeUnit.SECONDS);
            } catch (InterruptedException e) {
                return;
            }
            if (backlog.reopened()) {
                component.scheduler().wake();
            }
            taken.ifPresent(this::runOrGiveBack);
        }
    }

    private void runOrGiveBack(ClaimedTask task) {
        if (takesTasks()) {
            run(task);
        } else {
            component.completions().release(task);
            backlog.ended();
        }
    }

    private void run(ClaimedTask task) {
        long begun = System.nanoTime();
        Outcome outcome = handle(task);
        component.meters().ran(task, outcome, Duration.ofNanos(System.nanoTime() - begun));
        component.completions().add(task, outcome);
        Thread.interrupted(); // what a handler left behind must not end this worker
        backlog.ended();
        if (wantsMore()) {
            component.scheduler().moreRoom();
        }
    }

    private Outcome handle(ClaimedTask task) {
        Exchange exchange = createExchange(false);
        try {
            prepare(exchange, task);
            process(exchange);
        } catch (Throwable e) { // an Error of a handler must not end the worker, nor leave the task running for ever
            exchange.setException(e);
        }
        try {
            return outcome(task, exchange);
        } catch (Throwable e) { // of an exception that cannot be read, or a policy that is gone as the node stops
            return new Outcome.Retry(FailureWords.of(e), WITHOUT_A_POLICY);
        } finally {
            releaseExchange(exchange, false);
        }
    }

    private void process(Exchange exchange) throws Exception {
        if (endpoint.getTimeout() <= 0) {
            getProcessor().process(exchange);
            return;
        }
        Deadline deadline = new Deadline(Thread.currentThread(), exchange);
        ScheduledFuture<?> alarm = component.completions().after(endpoint.getTimeout(), deadline::pass);
        try {
            getProcessor().process(exchange);
        } finally {
            alarm.cancel(false);
            if (deadline.reached()) {
                exchange.setException(new TimeoutException(
                        "The handler ran longer than its timeout of %d ms".formatted(endpoint.getTimeout())));
            }
        }
    }

    private static void prepare(Exchange exchange, ClaimedTask task) throws JsonProcessingException {
        EnteredWorkspace.set(exchange, task.workspaceId().toString());
        exchange.setProperty("taskId", task.taskId().toString());
        exchange.setProperty("taskType", task.taskType());
        exchange.setProperty("attempt", task.attempt());
        exchange.setProperty("failures", task.failures());
        exchange.setProperty("idempotencyKey", task.taskId().toString());
        exchange.getIn().setBody(JSON.readValue(task.payload(), Object.class));
    }

    private Outcome outcome(ClaimedTask task, Exchange exchange) {
        Throwable error = exchange.getException();
        if (error == null && exchange.getProperty(WorkspaceTransactionPolicy.ROLLED_BACK, false, Boolean.class)) {
            error = new IllegalStateException("The handler rolled its transaction back");
        }
        if (error == null) {
            return new Outcome.Completed();
        }
        for (Throwable t : ErrorText.causes(error)) {
            if (t instanceof Discard) {
                return new Outcome.Discarded(ErrorText.messageOf(t, "the handler gave no reason"));
            }
            if (t instanceof Snooze snooze) {
                return new Outcome.Snoozed(bounded(snooze.delay()));
            }
            if (t instanceof SQLException sql && SUSPENDED.equals(sql.getSQLState())) {
                return new Outcome.Snoozed(WHILE_SUSPENDED);
            }
        }
        DurableRedeliveryPolicy own = exchange.getProperty("redeliveryPolicy", DurableRedeliveryPolicy.class);
        DurableRedeliveryPolicy policy = own == null ? endpoint.policy() : own;
        int failures = task.failures() + 1;
        return policy.isExhausted(failures, task.age().toMillis())
                ? new Outcome.Dead(FailureWords.of(error))
                : new Outcome.Retry(FailureWords.of(error), bounded(Duration.ofMillis(policy.delayAfter(failures))));
    }

    /** A delay that the database can add to its clock. */
    private static Duration bounded(Duration delay) {
        if (delay.isNegative()) {
            return Duration.ZERO;
        }
        return delay.compareTo(LONGEST_DELAY) < 0 ? delay : LONGEST_DELAY;
    }

    /** Interrupts a handler once, unless it has ended. */
    private static final class Deadline {

        private final Exchange exchange;
        private Thread handler;
        private boolean reached;

        Deadline(Thread handler, Exchange exchange) {
            this.handler = handler;
            this.exchange = exchange;
        }

        synchronized void pass() {
            if (handler != null) {
                reached = true;
                handler.interrupt();
                // A step that works on another thread, such as delay, keeps this one in a wait that ignores interrupts.
                PluginHelper.getAsyncProcessorAwaitManager(exchange.getContext())
                        .interrupt(exchange);
            }
        }

        /** Ends the watch; the interrupt, if there was one, does not reach the next task. */
        synchronized boolean reached() {
            handler = null;
            if (reached) {
                Thread.interrupted();
            }
            return reached;
        }
    }
}
