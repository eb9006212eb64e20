package dev.postrider.queue;

import java.time.Duration;
import java.util.Map;
import java.util.UUID;

/**
 * A task that this node has claimed, as {@code claim_tasks} returned it.
 *
 * @param attempt claims so far, this one included; with the node's id it is the fence
 * @param failures failures so far
 * @param payload JSON text
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
        Duration age,
        Duration waited) {

    static ClaimedTask of(Map<String, Object> row) {
        return new ClaimedTask(
                (UUID) row.get("task_id"),
                (UUID) row.get("workspace_id"),
                (String) row.get("task_type"),
                (String) row.get("payload"),
                ((Number) row.get("attempt_count")).intValue(),
                ((Number) row.get("failure_count")).intValue(),
                Duration.ofMillis(((Number) row.get("age")).longValue()),
                Duration.ofMillis(((Number) row.get("waited")).longValue()));
    }
}
