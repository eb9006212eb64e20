package dev.postrider.queue;

import java.time.Duration;
import java.util.Comparator;
import java.util.UUID;

/**
 * A task that this node has claimed, as {@code claim_tasks} returned it.
 *
 * @param attempt claims so far, this one included; with the node's id it is the fence
 * @param failures failures so far
 * @param payload JSON text
 * @param priority higher first, inside its workspace
 * @param age how old it was when it was claimed, by the database's clock
 * @param waited how long it was due before it was claimed, by the database's clock
 */
record ClaimedTask(
        UUID taskId,
        UUID workspaceId,
        String taskType,
        String payload,
        int attempt,
        int failures,
        int priority,
        Duration age,
        Duration waited)
        implements ClaimRow {

    /** Higher priorities first, and what is due for longer before the rest. */
    static final Comparator<ClaimedTask> BY_TURN = Comparator.comparingInt(ClaimedTask::priority)
            .thenComparing(ClaimedTask::waited)
            .reversed();
}
