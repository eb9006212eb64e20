package dev.postrider.queue;

import java.util.List;
import java.util.UUID;
import java.util.stream.Stream;

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

    /** @param rows of one claim, in any order */
    public void take(List<ClaimRow> rows) {
        List<ClaimedTask> tasks =
                rows(rows, ClaimedTask.class).sorted(ClaimedTask.BY_TURN).toList();
        rows(rows, ClaimRow.NextClaim.class).forEach(next -> handlers.claimed(tasks, next));
        completions.expect(tasks);
        rows(rows, ClaimRow.WalkEnd.class).forEach(end -> handlers.served(end.taskType(), lastServed(end, tasks)));
        handlers.handOver(tasks).forEach(completions::release);
        rows(rows, ClaimRow.NextClaim.class)
                .forEach(next -> scheduler.claimed(tasks.size(), handlers.nextClaim(next.due())));
    }

    private static <T extends ClaimRow> Stream<T> rows(List<ClaimRow> all, Class<T> kind) {
        return all.stream().filter(kind::isInstance).map(kind::cast);
    }

    /**
     * The walk may see more workspaces than it has slots for: the next one begins behind the last that got something,
     * or, when none did, behind all that it saw.
     */
    private UUID lastServed(ClaimRow.WalkEnd end, List<ClaimedTask> tasks) {
        String type = end.taskType();
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
        return last == null ? end.workspaceId() : last;
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
