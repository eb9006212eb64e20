package dev.postrider.queue;

import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Timer;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/** Times waiting and running tasks; its tags are bounded by the task types that this node handles. */
final class TaskMeters {

    private final MeterRegistry registry;
    private final Map<String, Timer> waits = new ConcurrentHashMap<>();
    private final Map<String, Timer> runs = new ConcurrentHashMap<>();

    TaskMeters(MeterRegistry registry) {
        this.registry = registry;
    }

    void ran(ClaimedTask task, Outcome outcome, Duration duration) {
        String type = task.taskType();
        waits.computeIfAbsent(
                        type,
                        t -> Timer.builder("postrider.task.wait")
                                .description("from due to claimed")
                                .tag("task_type", t)
                                .register(registry))
                .record(task.waited());
        runs.computeIfAbsent(
                        type + '/' + outcome.name(),
                        key -> Timer.builder("postrider.task.run")
                                .description("of one attempt")
                                .tag("task_type", type)
                                .tag("outcome", outcome.name())
                                .register(registry))
                .record(duration);
    }

    void woken(String by) {
        registry.counter("postrider.wake", "by", by).increment();
    }
}
