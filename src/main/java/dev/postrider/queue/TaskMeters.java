package dev.postrider.queue;

import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Timer;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/** Times waiting and running tasks; its tags are bounded by the task types that this node handles. */
final class TaskMeters {

    private final MeterRegistry registry;
    private final Map<String, OfType> types = new ConcurrentHashMap<>();

    /** The timers of a task type; those of its outcomes by name. */
    private record OfType(Timer waited, Map<String, Timer> runs) {}

    TaskMeters(MeterRegistry registry) {
        this.registry = registry;
        // A counter that is not there is not 0: alerts on what never happens would never fire.
        List.of("notify", "poll").forEach(this::wakes);
    }

    void ran(ClaimedTask task, Outcome outcome, Duration duration) {
        OfType type = types.computeIfAbsent(task.taskType(), this::ofType);
        type.waited().record(task.waited());
        type.runs()
                .computeIfAbsent(outcome.name(), name -> runs(task.taskType(), name))
                .record(duration);
    }

    private OfType ofType(String taskType) {
        return new OfType(
                Timer.builder("postrider.task.wait")
                        .description("from due to claimed")
                        .tag("task_type", taskType)
                        .register(registry),
                new ConcurrentHashMap<>());
    }

    private Timer runs(String taskType, String outcome) {
        return Timer.builder("postrider.task.run")
                .description("of one attempt")
                .tag("task_type", taskType)
                .tag("outcome", outcome)
                .register(registry);
    }

    void woken(String by) {
        wakes(by).increment();
    }

    private Counter wakes(String by) {
        return registry.counter("postrider.wake", "by", by);
    }
}
