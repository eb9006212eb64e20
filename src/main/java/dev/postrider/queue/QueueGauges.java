package dev.postrider.queue;

import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.MultiGauge;
import io.micrometer.core.instrument.MultiGauge.Row;
import io.micrometer.core.instrument.Tags;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.BooleanSupplier;
import java.util.function.LongSupplier;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Shows what the route {@code measure} last read from the database, and names types that no node knows.
 *
 * <p>Reading takes at most 1 % of the time, unless the queue is stuck, and counting all tasks half of that: with very many
 * tasks it is done more rarely than every 10 s. Called by the threads of that route's timers only.
 */
public final class QueueGauges {

    private static final Logger LOG = LoggerFactory.getLogger(QueueGauges.class);
    private static final String UNKNOWN = "other";
    /** What holds tasks back, and the columns that count them. */
    private static final Map<String, String> HELD =
            Map.of("limit", "behind_limits", "ordering", "behind_orderings", "tasks", "behind_tasks");

    private final Handlers handlers;
    private final MultiGauge waiting;
    private final MultiGauge running;
    private final MultiGauge oldest;
    private final MultiGauge held;
    private final AtomicReference<Map<String, Object>> last = new AtomicReference<>(Map.of());

    private final BooleanSupplier stuck;
    private final Pace reading;
    private final Pace counting;
    private boolean counts;
    private Set<String> countedTypes = Set.of();
    private Set<String> unknownTypes = Set.of();
    /** Who holds back vacuum, and the nanoseconds when that was first seen. */
    private Map<String, Long> holders = Map.of();

    private volatile double heldBack = Double.NaN;
    private volatile double circuits = Double.NaN;

    /**
     * @param stuck whether the last reading found the queue stuck
     * @param nanoseconds a clock that only counts
     */
    QueueGauges(MeterRegistry registry, Handlers handlers, BooleanSupplier stuck, LongSupplier nanoseconds) {
        this.handlers = handlers;
        this.stuck = stuck;
        reading = new Pace(0.01, nanoseconds);
        counting = new Pace(0.005, nanoseconds);
        waiting = MultiGauge.builder("postrider.tasks.waiting").register(registry);
        running = MultiGauge.builder("postrider.tasks.running").register(registry);
        oldest =
                MultiGauge.builder("postrider.tasks.oldest").baseUnit("seconds").register(registry);
        held = MultiGauge.builder("postrider.tasks.held").register(registry);
        Gauge.builder("postrider.endpoint.circuits", this, gauges -> gauges.circuits)
                .register(registry);
        Gauge.builder("postrider.xmin.age", this, gauges -> gauges.heldBack)
                .baseUnit("seconds")
                .register(registry);
        single(registry, "postrider.nodes", Tags.empty(), "nodes");
        single(registry, "postrider.dead.letters", Tags.of("kind", "task"), "dead_tasks");
        single(registry, "postrider.dead.letters", Tags.of("kind", "delivery"), "dead_deliveries");
    }

    /** Whether to read now; if so the reading begins. While the queue is stuck, always: somebody waits to hear that it is not. */
    public boolean reads() {
        counts = counting.begin();
        return reading.begin() || counts || stuck.getAsBoolean();
    }

    /** Whether this reading counts all tasks. */
    public boolean isCounting() {
        return counts;
    }

    /** @param rows of {@code queue-state.sql}: one per task type, or one without a type when there is none */
    public void state(List<Map<String, Object>> rows) {
        (counts ? counting : reading).end();
        holders(((String) rows.get(0).get("holders")).lines().toList(), System.nanoTime());
        circuits = ((Number) rows.get(0).get("circuits")).doubleValue();
        List<Map<String, Object>> types =
                rows.stream().filter(row -> row.get("declared") != null).toList();
        if (counts) {
            Map<String, Double> all = byType(types, "waiting");
            countedTypes = all.keySet();
            show(waiting, all);
            show(running, byType(types, "running"));
            held.register(
                    HELD.entrySet().stream().flatMap(by -> heldBy(types, by)).toList(), true);
            warn(types);
        }
        Map<String, Double> ages = new TreeMap<>();
        countedTypes.forEach(type -> ages.put(type, 0.0));
        types.forEach(row -> ages.merge(label(row), ((Number) row.get("oldest")).doubleValue(), Math::max));
        show(oldest, ages);
    }

    /** @param rows one row of {@code gauges} */
    public void totals(List<Map<String, Object>> rows) {
        last.set(rows.get(0));
    }

    /** The time when a transaction began is hidden from other logins; who holds back vacuum is not. */
    private void holders(List<String> now, long time) {
        Map<String, Long> seen = new HashMap<>();
        now.forEach(holder -> seen.put(holder, holders.getOrDefault(holder, time)));
        holders = seen;
        heldBack = seen.values().stream().mapToLong(since -> time - since).max().orElse(0) / 1e9;
    }

    /** Once for each type, and again only after none of its tasks was there. */
    private void warn(List<Map<String, Object>> types) {
        Set<String> unknown = new HashSet<>();
        for (Map<String, Object> row : types) {
            String type = (String) row.get("task_type");
            if (!Boolean.TRUE.equals(row.get("declared")) && type != null && !handlers.handles(type)) {
                unknown.add(type);
                if (!unknownTypes.contains(type)) {
                    LOG.warn(
                            "No node has a handler for the task type {}: {} of its tasks wait, the oldest has been due for"
                                    + " {} s. They run when a route starts from kamelet:task-source with this taskType",
                            type,
                            row.get("waiting"),
                            ((Number) row.get("oldest")).longValue());
                }
            }
        }
        unknownTypes = unknown;
    }

    private static String label(Map<String, Object> row) {
        return Boolean.TRUE.equals(row.get("declared")) ? (String) row.get("task_type") : UNKNOWN;
    }

    private static Map<String, Double> byType(List<Map<String, Object>> types, String column) {
        Map<String, Double> values = new TreeMap<>();
        types.forEach(row -> values.merge(label(row), ((Number) row.get(column)).doubleValue(), Double::sum));
        return values;
    }

    private static Stream<Row<?>> heldBy(List<Map<String, Object>> types, Map.Entry<String, String> by) {
        return byType(types, by.getValue()).entrySet().stream()
                .map(count -> Row.of(Tags.of("task_type", count.getKey(), "by", by.getKey()), count.getValue()));
    }

    private static void show(MultiGauge gauge, Map<String, Double> values) {
        gauge.register(
                values.entrySet().stream()
                        .map(value -> Row.of(Tags.of("task_type", value.getKey()), value.getValue()))
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
