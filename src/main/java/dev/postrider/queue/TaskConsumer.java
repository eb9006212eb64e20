package dev.postrider.queue;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.postrider.queue.Attempt.Stop;
import dev.postrider.tenancy.EnteredWorkspace;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;
import org.apache.camel.Route;
import org.apache.camel.ShutdownRunningTask;
import org.apache.camel.spi.ShutdownAware;
import org.apache.camel.support.DefaultConsumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Runs the claimed tasks of one type through their handler's route, {@code concurrency} at a time.
 *
 * <p>A task ends when its route ends: without an exception it is completed, with one it has failed. In an orderly stop
 * tasks that were not begun go back to waiting at once. Running handlers finish; those that have not when Camel's shutdown
 * timeout is over are interrupted, and their tasks wait again without a failure.
 */
final class TaskConsumer extends DefaultConsumer implements ShutdownAware {

    private static final Logger LOG = LoggerFactory.getLogger(TaskConsumer.class);
    private static final ObjectMapper JSON =
            new ObjectMapper().enable(DeserializationFeature.USE_BIG_DECIMAL_FOR_FLOATS);
    /** How long an interrupted handler has to end. */
    private static final Duration UNWINDING = Duration.ofSeconds(2);

    private final TaskEndpoint endpoint;
    private final TaskComponent component;
    private final Backlog backlog;
    private final Outcomes outcomes;
    private final Set<Attempt> running = ConcurrentHashMap.newKeySet();

    private volatile boolean accepting;
    private volatile boolean handlerStops;
    /** Kept, because it is asked for several times a task, and Camel would look for the route by its name each time. */
    private volatile DefaultConsumer handler;

    private ExecutorService workers;

    TaskConsumer(TaskEndpoint endpoint, Processor processor) {
        super(endpoint, processor);
        this.endpoint = endpoint;
        this.component = endpoint.getComponent();
        this.backlog = new Backlog(endpoint.getConcurrency(), endpoint.getBatch(), endpoint.getPrefetch());
        this.outcomes = new Outcomes(endpoint, this::isCutOff);
    }

    String taskType() {
        return endpoint.taskType();
    }

    int concurrency() {
        return endpoint.getConcurrency();
    }

    /** Empty while the policy's file is being replaced: a heartbeat must not fail for that. */
    Optional<String> declaration() {
        return endpoint.policyIfPresent().map(policy -> policy.declaration(taskType()));
    }

    String handlerRouteId() {
        return endpoint.getHandlerRouteId();
    }

    /** How many more tasks this consumer takes. */
    int free() {
        return takesTasks() ? backlog.free() : 0;
    }

    /** Whether it takes no more only because it has no room. */
    boolean isFull() {
        return takesTasks() && backlog.free() == 0;
    }

    /** The workspaces of which it takes none, because it holds their share. */
    Set<UUID> full() {
        return backlog.full();
    }

    /** Whether a claim is worth a round trip. */
    boolean wantsMore() {
        return backlog.wantsMore() && takesTasks();
    }

    /** Takes claimed tasks, unless this consumer has stopped meanwhile. */
    synchronized boolean offer(List<ClaimedTask> tasks) {
        if (!accepting) {
            return false;
        }
        backlog.add(tasks);
        return true;
    }

    /** Drops what waits and stops what runs, because these tasks are no longer this node's; returns how many they were. */
    int abandon() {
        List<ClaimedTask> waiting = backlog.clear();
        waiting.forEach(component.completions()::release); // changes nothing, unless the lease holds after all
        running.forEach(attempt -> attempt.stop(Stop.LEASE_LOST));
        return waiting.size()
                + running.stream().mapToInt(attempt -> attempt.tasks().size()).sum();
    }

    /** Drops those of these tasks that wait, and stops those that run. */
    void cancel(Set<UUID> tasks) {
        backlog.remove(tasks).forEach(task -> component.completions().add(task, new Outcome.Cancelled()));
        running.stream()
                .filter(attempt -> attempt.tasks().stream().anyMatch(task -> tasks.contains(task.taskId())))
                .forEach(attempt -> attempt.stop(Stop.CANCELLED));
        claimForThoseLeftOut();
    }

    /** Stops what runs; its tasks wait again. */
    void stopRunning() {
        running.forEach(attempt -> attempt.stop(Stop.SHUTDOWN));
    }

    /** Begins no task until {@link #handlerHasStopped}. */
    void handlerStops() {
        handlerStops = true;
    }

    /** The handler's route has stopped, or runs on because it could not. */
    void handlerHasStopped() {
        handlerStops = false;
    }

    boolean isIdle() {
        return running.isEmpty();
    }

    private boolean takesTasks() {
        return accepting && handlerRuns();
    }

    private boolean handlerRuns() {
        return endpoint.getHandlerRouteId().isEmpty() || !handlerStops && handler() != null;
    }

    /** The consumer of the route that handles the tasks; null while that route is not there or does not run. */
    DefaultConsumer handler() {
        DefaultConsumer known = handler;
        if (known == null || !known.isStarted()) {
            Route route = getEndpoint().getCamelContext().getRoute(endpoint.getHandlerRouteId());
            known = route == null ? null : (DefaultConsumer) route.getConsumer();
            handler = known;
        }
        return known != null && known.isStarted() ? known : null;
    }

    @Override
    protected void doStart() throws Exception {
        super.doStart();
        endpoint.policy(); // a wrong name fails the start, not the first failure
        component.handlers().open(this);
        ExecutorService pool = getEndpoint()
                .getCamelContext()
                .getExecutorServiceManager()
                .newFixedThreadPool(this, "task-" + taskType(), endpoint.getConcurrency());
        workers = pool;
        accepting = true;
        for (int i = 0; i < endpoint.getConcurrency(); i++) {
            pool.execute(() -> work(pool));
        }
        component.scheduler().reopened();
    }

    @Override
    protected void doStop() throws Exception {
        stopAccepting();
        stopRunning();
        if (workers != null) {
            getEndpoint().getCamelContext().getExecutorServiceManager().shutdownNow(workers);
            awaitWorkers();
        }
        // What does not heed the interrupt runs to its end; whoever gets the task next does not wait for that.
        running.stream().filter(Attempt::settle).forEach(attempt -> {
            attempt.tasks().forEach(component.completions()::release);
            backlog.ended();
        });
        component.handlers().close(this);
        super.doStop();
    }

    private void awaitWorkers() {
        boolean interrupted = Thread.interrupted(); // as Camel's own thread is when the grace period is over
        try {
            workers.awaitTermination(UNWINDING.toMillis(), TimeUnit.MILLISECONDS);
        } catch (InterruptedException e) {
            interrupted = true;
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
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
        // Deferring and stopping have done it. Of a route that was stopped by force Camel says this late, from another
        // thread: by then it may have been started again.
    }

    private synchronized void stopAccepting() {
        accepting = false;
        backlog.clear().forEach(component.completions()::release);
    }

    /** Until its own pool is shut down: after a quick stop and start there may be another. */
    private void work(ExecutorService pool) {
        while (!pool.isShutdown()) {
            List<ClaimedTask> tasks;
            try {
                tasks = backlog.take();
            } catch (InterruptedException e) {
                continue;
            }
            claimForThoseLeftOut();
            runOrGiveBack(tasks);
        }
    }

    private void claimForThoseLeftOut() {
        if (backlog.reopened()) {
            component.scheduler().reopened();
        }
    }

    /** Whatever is thrown, this worker goes on, and the tasks do not stay in its hands. */
    private void runOrGiveBack(List<ClaimedTask> tasks) {
        Attempt attempt = null;
        try {
            if (takesTasks()) {
                attempt = new Attempt(tasks, createExchange(false));
                run(attempt);
                return;
            }
        } catch (RuntimeException | Error e) {
            LOG.error("{} tasks of type {} could not be run; they wait again", tasks.size(), taskType(), e);
        } finally {
            Thread.interrupted(); // what a handler left behind must not end this worker
        }
        if (attempt == null || attempt.settle()) {
            tasks.forEach(component.completions()::release);
            backlog.ended();
        }
    }

    private void run(Attempt attempt) {
        long begun = System.nanoTime();
        running.add(attempt);
        List<Outcome> ended;
        try {
            if (!component.handlers().isLeased()) {
                attempt.stop(Stop.LEASE_LOST); // it was lost after this task was taken and before it could be seen here
            } else if (!takesTasks()) {
                attempt.stop(Stop.SHUTDOWN); // likewise
            }
            ended = handle(attempt);
        } finally {
            running.remove(attempt);
        }
        if (!attempt.settle()) {
            return;
        }
        Duration lasted = Duration.ofNanos(System.nanoTime() - begun);
        for (int i = 0; i < ended.size(); i++) {
            component.completions().add(attempt.tasks().get(i), ended.get(i), attempt.report());
        }
        backlog.ended();
        if (wantsMore()) {
            component.scheduler().moreRoom();
        }
        for (int i = 0; i < ended.size(); i++) {
            component.meters().ran(attempt.tasks().get(i), ended.get(i), lasted);
        }
    }

    private List<Outcome> handle(Attempt attempt) {
        Exchange exchange = attempt.exchange();
        try {
            prepare(exchange, attempt.tasks());
            process(attempt);
        } catch (Throwable e) { // an Error of a handler must not end the worker, nor leave the task running for ever
            exchange.setException(e);
        }
        try {
            return outcomes.of(attempt, attempt.end());
        } finally {
            attempt.keepReport();
            releaseExchange(exchange, false);
        }
    }

    private void process(Attempt attempt) throws Exception {
        if (endpoint.getTimeout() == 0) {
            getProcessor().process(attempt.exchange());
            return;
        }
        ScheduledFuture<?> alarm =
                component.completions().after(endpoint.getTimeout(), () -> attempt.stop(Stop.TIMEOUT));
        try {
            getProcessor().process(attempt.exchange());
        } finally {
            alarm.cancel(false);
        }
    }

    private void prepare(Exchange exchange, List<ClaimedTask> tasks) throws JsonProcessingException {
        ClaimedTask first = tasks.get(0);
        EnteredWorkspace.set(exchange, first.workspaceId().toString());
        exchange.setProperty("taskType", first.taskType());
        if (endpoint.getBatch() > 1) {
            List<Map<String, Object>> batch = new ArrayList<>(tasks.size());
            for (ClaimedTask task : tasks) {
                Map<String, Object> one = new HashMap<>();
                one.put("taskId", task.taskId().toString());
                one.put("attempt", task.attempt());
                one.put("failures", task.failures());
                one.put("payload", payload(task));
                batch.add(one);
            }
            exchange.setProperty("tasks", batch);
            exchange.getIn()
                    .setBody(batch.stream().map(task -> task.get("payload")).toList());
            return;
        }
        String taskId = first.taskId().toString();
        exchange.setProperty("taskId", taskId);
        exchange.setProperty("attempt", first.attempt());
        exchange.setProperty("failures", first.failures());
        exchange.setProperty("idempotencyKey", taskId);
        exchange.getIn().setBody(payload(first));
    }

    private static Object payload(ClaimedTask task) throws JsonProcessingException {
        return JSON.readValue(task.payload(), Object.class);
    }

    /** Whether Camel stops by force, and so takes away what the handler needs: whatever fails now is not its fault. */
    private boolean isCutOff() {
        return !takesTasks()
                && getEndpoint().getCamelContext().getShutdownStrategy().isTimeoutOccurred();
    }
}
