package dev.postrider.queue;

import java.util.List;
import java.util.Map;
import java.util.UUID;

/** Takes what a claim returned and hands it to the handlers; called by the route {@code claim}. */
public final class Intake {

    private final Handlers handlers;
    private final Completions completions;
    private final ClaimScheduler scheduler;

    Intake(Handlers handlers, Completions completions, ClaimScheduler scheduler) {
        this.handlers = handlers;
        this.completions = completions;
        this.scheduler = scheduler;
    }

    /** @param rows of {@code claim_tasks}: tasks, and rows without one that say where the walks ended and when the next task is due */
    public void take(List<Map<String, Object>> rows) {
        List<ClaimedTask> tasks = rows.stream()
                .filter(row -> row.get("task_id") != null)
                .map(ClaimedTask::of)
                .toList();
        completions.expect(tasks);
        rows.stream()
                .filter(row -> row.get("task_id") == null && row.get("workspace_id") != null)
                .forEach(end -> handlers.served((String) end.get("task_type"), lastServed(end, tasks)));
        handlers.handOver(tasks).forEach(completions::release);
        Number due = (Number) rows.get(rows.size() - 1).get("next_due");
        scheduler.claimed(tasks.size(), due == null ? -1 : due.longValue());
    }

    /**
     * The walk may see more workspaces than it has slots for: the next one begins behind the last that got something,
     * or, when none did, behind all that it saw.
     */
    private UUID lastServed(Map<String, Object> end, List<ClaimedTask> tasks) {
        String type = (String) end.get("task_type");
        UUID start = handlers.servedLast(type);
        UUID last = null;
        for (ClaimedTask task : tasks) {
            UUID workspace = task.workspaceId();
            if (!workspace.equals(last)
                    && task.taskType().equals(type)
                    && (last == null || isLater(workspace, last, start))) {
                last = workspace;
            }
        }
        return last == null ? (UUID) end.get("workspace_id") : last;
    }

    /** Whether one workspace comes later than another in a walk that begins behind {@code start} and goes round. */
    private static boolean isLater(UUID one, UUID other, UUID start) {
        boolean firstLap = isBehind(one, start);
        return firstLap == isBehind(other, start) ? compare(one, other) > 0 : !firstLap;
    }

    private static boolean isBehind(UUID workspace, UUID start) {
        return start == null || compare(workspace, start) > 0;
    }

    /** As PostgreSQL orders ids: by their bytes. */
    private static int compare(UUID one, UUID other) {
        int high = Long.compareUnsigned(one.getMostSignificantBits(), other.getMostSignificantBits());
        return high != 0 ? high : Long.compareUnsigned(one.getLeastSignificantBits(), other.getLeastSignificantBits());
    }
}
