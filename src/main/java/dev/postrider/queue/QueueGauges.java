package dev.postrider.queue;

import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.MultiGauge;
import io.micrometer.core.instrument.MultiGauge.Row;
import io.micrometer.core.instrument.Tags;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicReference;

/** Shows what the route {@code measure} last read from the database. */
public final class QueueGauges {

    private final MultiGauge waiting;
    private final MultiGauge running;
    private final MultiGauge oldest;
    private final AtomicReference<Map<String, Object>> last = new AtomicReference<>(Map.of());

    QueueGauges(MeterRegistry registry) {
        waiting = MultiGauge.builder("postrider.tasks.waiting").register(registry);
        running = MultiGauge.builder("postrider.tasks.running").register(registry);
        oldest =
                MultiGauge.builder("postrider.tasks.oldest").baseUnit("seconds").register(registry);
        single(registry, "postrider.nodes", Tags.empty(), "nodes");
        single(registry, "postrider.dead.letters", Tags.of("kind", "task"), "dead_tasks");
        single(registry, "postrider.dead.letters", Tags.of("kind", "delivery"), "dead_deliveries");
        single(registry, "postrider.unaccounted", Tags.empty(), "unaccounted");
        single(registry, "postrider.xmin.age", Tags.empty(), "xmin_age");
    }

    /** @param rows of {@code queue_depths} */
    public void depths(List<Map<String, Object>> rows) {
        register(waiting, rows, "waiting");
        register(running, rows, "running");
        register(oldest, rows, "oldest");
    }

    /** @param rows one row of {@code gauges} */
    public void totals(List<Map<String, Object>> rows) {
        last.set(rows.get(0));
    }

    private static void register(MultiGauge gauge, List<Map<String, Object>> rows, String column) {
        gauge.register(
                rows.stream()
                        .map(row ->
                                Row.of(Tags.of("task_type", (String) row.get("task_type")), (Number) row.get(column)))
                        .toList(),
                true);
    }

    private void single(MeterRegistry registry, String name, Tags tags, String column) {
        Gauge.builder(
                        name,
                        last,
                        row -> row.get().get(column) instanceof Number number ? number.doubleValue() : Double.NaN)
                .tags(tags)
                .register(registry);
    }
}
