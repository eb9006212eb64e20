package dev.postrider.schedules;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.sql.Timestamp;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneId;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;

/**
 * Says when this node looks for due ticks, and which ticks of a schedule are handed out; the bean {@code ticks}.
 *
 * <p>Called by the one thread of the route {@code schedules}. What time it is says the database; this node's clock only
 * measures how long it waits.
 */
public final class Ticks {

    /** A schedule made on another node ticks no later than this after its time. */
    private static final long LONGEST_WAIT = 5_000;

    /** Later than this, a tick is missed; as in Quartz. */
    private static final Duration LATE = Duration.ofMinutes(1);

    private static final int MOST_TICKS = 1_000;
    private static final int MOST_FAILED = 1_000;
    private static final UUID GLOBAL = new UUID(0, 0);

    private final ObjectMapper json;
    private long lookAt = System.nanoTime();
    /** What was not handed out when it was last tried, the latest last: these must not take the others' place. */
    private final Set<UUID> failed = new LinkedHashSet<>();

    private UUID tried;

    Ticks(ObjectMapper json) {
        this.json = json;
    }

    /** Whether it is time to ask the database; true once, so that a failed question is asked again later. */
    public boolean due() {
        boolean due = System.nanoTime() - lookAt >= 0;
        if (due) {
            waitFor(LONGEST_WAIT);
        }
        return due;
    }

    /** The schedules that failed when they were last tried, as an array of PostgreSQL. */
    public String failed() {
        return failed.stream().map(UUID::toString).collect(Collectors.joining(",", "{", "}"));
    }

    /**
     * Notes when to ask again.
     *
     * @param rows what {@code due_schedules} answered
     * @return the rows with a schedule
     */
    public List<Map<String, Object>> received(List<Map<String, Object>> rows) {
        Long wait = (Long) rows.get(0).get("wait");
        waitFor(wait == null ? LONGEST_WAIT : Math.min(wait, LONGEST_WAIT));
        return rows.stream().filter(row -> row.get("schedule_id") != null).toList();
    }

    /**
     * What {@code tick_schedule} shall do for a schedule, as JSON.
     *
     * @throws RuntimeException if this node does not know its time zone
     */
    public String plan(Map<String, Object> schedule) {
        tried = (UUID) schedule.get("schedule_id");
        failed.remove(tried);
        failed.add(tried); // until it is done
        if (failed.size() > MOST_FAILED) {
            failed.remove(failed.iterator().next());
        }
        Instant due = ((Timestamp) schedule.get("next_tick_at")).toInstant();
        Instant now = ((Timestamp) schedule.get("asked_at")).toInstant();
        boolean begun = schedule.get("ticked_to") != null;
        Timing timing = schedule.get("cron") == null
                ? Timing.every(due, (Long) schedule.get("every"))
                : Timing.cron((String) schedule.get("cron"), ZoneId.of((String) schedule.get("time_zone")));
        int most = schedule.get("workspace_id").equals(GLOBAL) ? 1 : MOST_TICKS;

        Optional<Instant> next = Optional.of(due);
        if (!begun && due.isBefore(now.minus(LATE))) {
            next = switch ((String) schedule.get("missed")) {
                case "skip" -> timing.next(now.minus(LATE));
                case "once" -> Optional.of(timing.latest(due, now));
                default -> next;
            };
        }
        ObjectNode plan = json.createObjectNode();
        ArrayNode ticks = plan.putArray("ticks");
        while (next.filter(tick -> !tick.isAfter(now)).isPresent() && ticks.size() < most) {
            ticks.add(next.get().toString());
            next = timing.next(next.get());
        }
        return plan.put("workspaceId", schedule.get("workspace_id").toString())
                .put("scheduleId", schedule.get("schedule_id").toString())
                .put("due", due.toString())
                .put("tickedTo", begun ? schedule.get("ticked_to").toString() : null)
                .put("nextTickAt", next.map(Instant::toString).orElse(null))
                .toString();
    }

    /** Asks again at once after a tick was handed out: there may be more, and its next one is known then. */
    public void done(boolean ticked) {
        failed.remove(tried);
        if (ticked) {
            waitFor(0);
        }
    }

    private void waitFor(long milliseconds) {
        lookAt = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(milliseconds);
    }
}
