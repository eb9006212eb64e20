package dev.postrider.queue;

import java.time.Duration;
import java.util.Collection;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Collectors;

/** The task types that this node can take now: what the claim asks for, and where claimed tasks go. */
public final class Handlers {

    /** More in one statement gains nothing: the claim is as fast per task at 500 as at 1,000. */
    private static final int MAXIMUM_PER_CLAIM = 500;

    private final Map<String, TaskConsumer> open = new ConcurrentHashMap<>();
    private final Map<String, UUID> servedLast = new ConcurrentHashMap<>();
    /** The nanoseconds when a handler was opened or got a task. */
    private final Map<String, Long> servedAt = new ConcurrentHashMap<>();

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
     * What {@code claim_tasks} wants to know of each type with room: the free slots, the workspace served last, and those
     * that hold their share of this node already; called by the claim's SQL.
     */
    public String slots() {
        return open.values().stream()
                .filter(consumer -> consumer.free() > 0)
                .map(consumer -> "\"%s\": {\"free\": %d%s%s}"
                        .formatted(
                                consumer.taskType(),
                                Math.min(consumer.free(), MAXIMUM_PER_CLAIM),
                                after(consumer.taskType()),
                                full(consumer)))
                .collect(Collectors.joining(", ", "{", "}"));
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
                .map(consumer -> {
                    DurableRedeliveryPolicy policy = consumer.policy();
                    return String.format(
                            Locale.ROOT,
                            "{\"taskType\": \"%s\", \"maximumRedeliveries\": %d, \"redeliveryDelay\": %d,"
                                    + " \"backOffMultiplier\": %f, \"maximumRedeliveryDelay\": %d}",
                            consumer.taskType(),
                            policy.getMaximumRedeliveries(),
                            policy.getRedeliveryDelay(),
                            policy.getBackOffMultiplier(),
                            policy.getMaximumRedeliveryDelay());
                })
                .collect(Collectors.joining(", ", "[", "]"));
    }

    /** Hands claimed tasks to their handlers; returns those whose handler has stopped meanwhile. */
    List<ClaimedTask> handOver(Collection<ClaimedTask> tasks) {
        return tasks.stream()
                .filter(task -> {
                    servedAt.put(task.taskType(), System.nanoTime());
                    TaskConsumer consumer = open.get(task.taskType());
                    return consumer == null || !consumer.offer(task);
                })
                .toList();
    }

    /** Whether a type has a handler on this node. */
    boolean handles(String taskType) {
        return open.containsKey(taskType);
    }

    /** Whether a type's handler has room and was given no task for so long. */
    boolean waitsInVain(String taskType, Duration time) {
        TaskConsumer consumer = open.get(taskType);
        return consumer != null && consumer.free() > 0 && System.nanoTime() - servedAt.get(taskType) >= time.toNanos();
    }

    /** Whether some handler has room worth a claim. */
    boolean wantMore() {
        return open.values().stream().anyMatch(TaskConsumer::wantsMore);
    }
}
