package dev.postrider.queue;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.UUID;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** Who of those that wait on a node has the next turn, and what the node asks for. */
class BacklogTest {

    private static final UUID LOUD = UUID.randomUUID();
    private static final UUID QUIET = UUID.randomUUID();

    @Test
    void workspaces_take_turns_and_each_keeps_its_own_order() throws Exception {
        Backlog backlog = new Backlog(1, 1, 100);
        List<ClaimedTask> loud = add(backlog, LOUD, 4);
        List<ClaimedTask> quiet = add(backlog, QUIET, 2);

        List<ClaimedTask> taken = new ArrayList<>();
        while (backlog.held() > taken.size()) {
            taken.add(take(backlog));
        }

        assertThat(taken)
                .containsExactly(loud.get(0), quiet.get(0), loud.get(1), quiet.get(1), loud.get(2), loud.get(3));
    }

    @Test
    void one_workspace_never_gets_more_than_half_of_what_is_claimed_ahead_and_another_finds_room() throws Exception {
        for (int prefetch : List.of(1, 2, 3, 7, 50, 2_000)) {
            Backlog backlog = new Backlog(2, 1, prefetch);
            add(backlog, LOUD, 2);
            take(backlog);
            take(backlog);
            for (int claims = 0;
                    claims < 100 && backlog.free() > 0 && !backlog.full().contains(LOUD);
                    claims++) {
                add(backlog, LOUD, backlog.free());
            }
            int ahead = backlog.held() - 2;

            assertThat(ahead).as("of " + prefetch).isBetween(1, Math.max(1, prefetch / 2));
            assertThat(backlog.full()).containsExactly(LOUD);
            assertThat(backlog.wantsMore()).as("of the others nothing is known").isFalse();
            assertThat(backlog.free()).as("room of others").isGreaterThanOrEqualTo(prefetch == 1 ? 0 : 1);
        }
    }

    @Test
    void without_prefetch_no_workspace_is_left_out() throws Exception {
        Backlog backlog = new Backlog(2, 1, 0);

        assertThat(backlog.free()).isEqualTo(2);
        add(backlog, LOUD, 2);
        assertThat(backlog.full()).isEmpty();
        assertThat(backlog.free()).isZero();
        take(backlog);
        assertThat(backlog.wantsMore()).isFalse();
        backlog.ended();
        assertThat(backlog.free()).isEqualTo(1);
        assertThat(backlog.wantsMore()).isTrue();
    }

    @Test
    void a_workspace_that_was_left_out_and_has_room_again_is_told_once() throws Exception {
        Backlog backlog = new Backlog(1, 1, 8);
        add(backlog, LOUD, 5);
        take(backlog);
        assertThat(backlog.full()).containsExactly(LOUD);
        take(backlog);
        assertThat(backlog.reopened()).as("three wait").isFalse();
        take(backlog);
        assertThat(backlog.reopened()).as("two wait").isTrue();
        assertThat(backlog.reopened()).isFalse();
    }

    @Test
    void a_workspace_that_was_left_out_and_whose_tasks_are_taken_out_has_room_again() throws Exception {
        Backlog backlog = new Backlog(1, 1, 8);
        List<ClaimedTask> loud = add(backlog, LOUD, 5);
        take(backlog);
        assertThat(backlog.full()).containsExactly(LOUD);

        backlog.remove(Set.of(loud.get(1).taskId()));
        assertThat(backlog.reopened()).as("three wait").isFalse();
        backlog.remove(Set.of(loud.get(2).taskId()));
        assertThat(backlog.reopened()).as("two wait").isTrue();

        add(backlog, LOUD, 3);
        assertThat(backlog.full()).containsExactly(LOUD);
        backlog.clear();
        assertThat(backlog.reopened()).as("none waits").isTrue();
        backlog.clear();
        assertThat(backlog.reopened()).as("none was left out").isFalse();
    }

    @Test
    void what_is_taken_out_runs_no_more_and_leaves_room() throws Exception {
        Backlog backlog = new Backlog(1, 1, 10);
        List<ClaimedTask> loud = add(backlog, LOUD, 3);
        add(backlog, QUIET, 1);

        assertThat(backlog.remove(Set.of(loud.get(1).taskId(), UUID.randomUUID())))
                .containsExactly(loud.get(1));
        assertThat(backlog.held()).isEqualTo(3);
        assertThat(backlog.clear()).hasSize(3).doesNotContain(loud.get(1));
        assertThat(backlog.held()).isZero();

        List<ClaimedTask> next = add(backlog, QUIET, 1);
        assertThat(backlog.take()).isEqualTo(next);
    }

    @Test
    void a_batch_is_of_one_workspace_and_what_has_failed_before_is_alone() throws Exception {
        Backlog backlog = new Backlog(1, 3, 0);
        List<ClaimedTask> loud = add(backlog, LOUD, 2);
        ClaimedTask failed =
                new ClaimedTask(UUID.randomUUID(), LOUD, "backlog", "{}", 2, 1, 0, Duration.ZERO, Duration.ZERO);
        backlog.add(List.of(failed));
        List<ClaimedTask> after = add(backlog, LOUD, 4);
        List<ClaimedTask> quiet = add(backlog, QUIET, 1);

        assertThat(backlog.take()).isEqualTo(loud);
        assertThat(backlog.take()).isEqualTo(quiet);
        assertThat(backlog.take()).containsExactly(failed);
        assertThat(backlog.take()).isEqualTo(after.subList(0, 3));
        assertThat(backlog.take()).isEqualTo(after.subList(3, 4));
    }

    @Test
    void a_claim_brings_a_batch_for_each_idle_worker() throws Exception {
        Backlog backlog = new Backlog(2, 10, 0);
        assertThat(backlog.free()).isEqualTo(20);
        add(backlog, LOUD, 3);
        assertThat(backlog.take()).hasSize(3);
        assertThat(backlog.free()).as("the other worker's").isEqualTo(10);
        assertThat(backlog.held()).isEqualTo(1);
    }

    private static ClaimedTask take(Backlog backlog) throws InterruptedException {
        return backlog.take().get(0);
    }

    private static List<ClaimedTask> add(Backlog backlog, UUID workspace, int count) {
        List<ClaimedTask> tasks = IntStream.range(0, count)
                .mapToObj(n -> new ClaimedTask(
                        UUID.randomUUID(), workspace, "backlog", "{}", 1, 0, 0, Duration.ZERO, Duration.ZERO))
                .toList();
        backlog.add(tasks);
        return tasks;
    }
}
