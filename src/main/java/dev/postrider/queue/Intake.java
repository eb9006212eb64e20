package dev.postrider.queue;

import java.util.List;
import java.util.Map;

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

    /** @param rows of {@code claim_tasks}; the last one names no task, but when the next is due */
    public void take(List<Map<String, Object>> rows) {
        List<ClaimedTask> tasks = rows.stream()
                .filter(row -> row.get("task_id") != null)
                .map(ClaimedTask::of)
                .toList();
        completions.expect(tasks);
        handlers.handOver(tasks).forEach(completions::release);
        Number due = (Number) rows.get(rows.size() - 1).get("next_due");
        scheduler.claimed(tasks.size(), due == null ? -1 : due.longValue());
    }
}
