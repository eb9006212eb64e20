package dev.postrider.queue;

import java.time.Duration;
import java.time.Instant;
import java.util.UUID;

/** A row of {@code claim_tasks}: a claimed task, or one of those that say what the claim saw. */
sealed interface ClaimRow permits ClaimedTask, ClaimRow.WalkEnd, ClaimRow.NextClaim {

    /** Where the walk around the workspaces with work of a type ended. */
    record WalkEnd(String taskType, UUID workspaceId) implements ClaimRow {}

    /**
     * When the next claim is worth making.
     *
     * @param due in how many milliseconds; negative: nothing waits for its time
     * @param databaseTime when the claim was answered
     * @param lasted what the claim took in the database, without its commit
     */
    record NextClaim(long due, Instant databaseTime, Duration lasted) implements ClaimRow {}
}
