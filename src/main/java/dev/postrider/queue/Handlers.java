package dev.postrider.queue;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** The task types that this node can take now: what the claim asks for, and where claimed tasks go. */
public final class Handlers {

    /** More in one statement gains nothing: the claim is as fast per task at 500 as at 1,000. */
    private static final int MAXIMUM_PER_CLAIM = 500;

    /** Milliseconds after which to look again for what a narrow window may hide. */
    private static final long LOOK_AGAIN = 1_000;

    private final Map<String, TaskConsumer> open = new ConcurrentHashMap<>();
    private final Map<String, UUID> servedLast = new ConcurrentHashMap<>();
    /** The nanoseconds when a handler was opened or got a task. */
    private final Map<String, Long> servedAt = new ConcurrentHashMap<>();

    private final ClaimWindow window = new ClaimWindow(System::nanoTime);

    private volatile boolean leased;
    /** Rises whenever the lease is lost. */
    private volatile int losses;
    /** The losses when the claim was made. */
    private volatile int lossesAtClaim;
    /** The claim did not ask for some type, because its handler had no room. */
    private volatile boolean crowded;

    /**
     * @throws IllegalStateException when another route handles the type already
     */
    void open(TaskConsumer consumer) {
        TaskConsumer other = open.putIfAbsent(consumer.taskType(), consumer);
        if (other != null && other != consumer) {
            throw new IllegalStateException(
                    "Task type %s is handled by route %s already; give one of the two another taskType"
                            .formatted(consumer.taskType(), other.handlerRouteId()));
        }
        servedAt.put(consumer.taskType(), System.nanoTime());
    }

    void close(TaskConsumer consumer) {
        open.remove(consumer.taskType(), consumer);
    }

    /**
     * What {@code claim_tasks} wants to know of each type with room: the free slots, the workspace served last, those that
     * hold their share of this node already, and from when on it looks for tasks; called by the claim's SQL.
     */
    public String slots() {
        lossesAtClaim = losses;
        crowded = takers().anyMatch(TaskConsumer::isFull);
        String since = window.begin().map(", \"since\": \"%s\""::formatted).orElse("");
        return takers().filter(consumer -> consumer.free() > 0)
                .map(consumer -> "\"%s\": {\"free\": %d%s%s%s}"
                        .formatted(
                                consumer.taskType(),
                                Math.min(consumer.free(), MAXIMUM_PER_CLAIM),
                                after(consumer.taskType()),
                                full(consumer),
                                since))
                .collect(Collectors.joining(", ", "{", "}"));
    }

    /** A claim has been answered. */
    void claimed(List<ClaimedTask> tasks, ClaimRow.NextClaim answer) {
        window.end(tasks, answer.databaseTime(), answer.lasted());
    }

    /** In how many milliseconds the next claim is worth making, when the last one said so of what it looked at; negative: not. */
    long nextClaim(long due) {
        return window.isNarrow() ? Math.min(due < 0 ? LOOK_AGAIN : due, LOOK_AGAIN) : due;
    }

    private static String full(TaskConsumer consumer) {
        return consumer.full().stream()
                .map("\"%s\""::formatted)
                .reduce((one, other) -> one + ", " + other)
                .map(", \"full\": [%s]"::formatted)
                .orElse("");
    }

    private String after(String taskType) {
        UUID last = servedLast.get(taskType);
        return last == null ? "" : ", \"after\": \"%s\"".formatted(last);
    }

    UUID servedLast(String taskType) {
        return servedLast.get(taskType);
    }

    /** Remembers where the walk around the workspaces with work of a type ended, so that the next one goes on there. */
    void served(String taskType, UUID workspace) {
        servedLast.put(taskType, workspace);
    }

    /** The open types with their redelivery policies as JSON, for {@code task_types}; called by the heartbeat's SQL. */
    public String declarations() {
        return open.values().stream()
                .flatMap(consumer -> consumer.declaration().stream())
                .collect(Collectors.joining(", ", "[", "]"));
    }

    /** Hands claimed tasks to their handlers; returns those whose handler has stopped meanwhile, or all when the lease was lost. */
    List<ClaimedTask> handOver(Collection<ClaimedTask> tasks) {
        if (!leased || losses != lossesAtClaim) {
            return List.copyOf(tasks);
        }
        List<ClaimedTask> refused = new ArrayList<>();
        tasks.stream().collect(Collectors.groupingBy(ClaimedTask::taskType)).forEach((type, claimed) -> {
            servedAt.put(type, System.nanoTime());
            TaskConsumer consumer = open.get(type);
            if (consumer == null || !consumer.offer(claimed)) {
                refused.addAll(claimed);
            }
        });
        return refused;
    }

    /** Whether a type has a handler on this node. */
    boolean handles(String taskType) {
        return open.containsKey(taskType);
    }

    /** How many tasks of a type this node runs at once; 0 without a handler. */
    public int concurrency(String taskType) {
        TaskConsumer consumer = open.get(taskType);
        return consumer == null ? 0 : consumer.concurrency();
    }

    /** Whether a type's handler has room and was given no task for so long. */
    boolean waitsInVain(String taskType, Duration time) {
        TaskConsumer consumer = open.get(taskType);
        return consumer != null && consumer.free() > 0 && System.nanoTime() - servedAt.get(taskType) >= time.toNanos();
    }

    /** Whether the last claim left a type out, because its handler had no room: nobody looked whether it has work. */
    boolean wasCrowded() {
        return crowded;
    }

    /** Whether some handler has room worth a claim. */
    boolean wantMore() {
        return takers().anyMatch(TaskConsumer::wantsMore);
    }

    private Stream<TaskConsumer> takers() {
        return leased ? open.values().stream() : Stream.empty();
    }

    /** From now on this node has a lease; true if it had none before. */
    boolean leased() {
        boolean before = leased;
        leased = true;
        return !before;
    }

    /** This node has lost its lease: nothing runs on, and nothing is taken. Returns how many tasks it was holding. */
    int unleased() {
        leased = false;
        losses++;
        return open.values().stream().mapToInt(TaskConsumer::abandon).sum();
    }

    boolean isLeased() {
        return leased;
    }

    /**
     * Stops what somebody wants cancelled.
     *
     * @param rows of {@code asked_to_stop}
     */
    public void cancel(List<Map<String, Object>> rows) {
        Set<UUID> tasks = rows.stream().map(row -> (UUID) row.get("task_id")).collect(Collectors.toSet());
        open.values().forEach(consumer -> consumer.cancel(tasks));
    }

    /** The consumers that hand tasks to one of these routes. */
    List<TaskConsumer> of(Set<String> routeIds) {
        return open.values().stream()
                .filter(consumer -> routeIds.contains(consumer.handlerRouteId()))
                .toList();
    }

    /** What still runs in a route when Camel has stopped it has outlasted the grace period. */
    void routeStopped(String routeId) {
        of(Set.of(routeId)).forEach(TaskConsumer::stopRunning);
    }
}
