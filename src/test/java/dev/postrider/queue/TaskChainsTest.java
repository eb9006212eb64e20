package dev.postrider.queue;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.sql.Connection;
import java.util.List;
import java.util.UUID;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Tasks that come after others, and batches, whose tasks may name each other. */
class TaskChainsTest extends QueueByHand {

    @Test
    void a_task_runs_when_all_that_it_comes_after_have_completed() {
        UUID a = enqueue("a", "");
        UUID b = enqueue("b", "");
        enqueue("c", "after => array['%s', '%s']::uuid[]".formatted(a, b));
        List<Held> first = claim(10);
        assertThat(first).extracting(Held::name).containsExactlyInAnyOrder("a", "b");

        finish(first.subList(0, 1));
        assertThat(claim(10)).isEmpty();
        finish(first.subList(1, 2));

        List<Held> last = claim(10);
        assertThat(last).extracting(Held::name).containsExactly("c");
        finish(last);
        enqueue("d", "after => array['%s']::uuid[]".formatted(last.get(0).task()));
        assertThat(claim(10)).extracting(Held::name).containsExactly("d");
    }

    @ParameterizedTest
    @CsvSource({"dead, dead-lettered", "discard, discarded"})
    void a_task_that_fails_takes_those_with_it_that_come_after_it_and_they_say_why(String outcome, String fate) {
        UUID a = enqueue("a", "");
        UUID b = enqueue("b", "after => array['%s']::uuid[]".formatted(a));
        UUID c = enqueue("c", "after => array['%s']::uuid[]".formatted(b));
        end(claim(10).get(0), outcome, 0);

        assertThat(reason(b)).isEqualTo("task %s, which had to complete first, was %s", a, fate);
        assertThat(reason(c)).isEqualTo("task %s, which had to complete first, was dead-lettered", b);
        UUID d = enqueue("d", "after => array['%s']::uuid[]".formatted(c));
        assertThat(reason(d)).isEqualTo("task %s, which had to complete first, was dead-lettered", c);
        assertThat(count("task_type = 'held'")).isZero();
        assertBalanced();
    }

    @Test
    void cancelling_takes_those_with_it_that_come_after_and_a_cancelled_follower_is_forgotten() {
        UUID a = enqueue("a", "");
        UUID b = enqueue("b", "after => array['%s']::uuid[]".formatted(a));
        UUID c = enqueue("c", "after => array['%s']::uuid[]".formatted(a));
        tenant("select postrider.cancel_task('%s')".formatted(b));
        tenant("select postrider.cancel_task('%s')".formatted(a));

        assertThat(reason(c)).isEqualTo("task %s, which had to complete first, was cancelled", a);
        assertThat(DATABASE.sql().queryForList("select * from postrider.task_dependencies"))
                .isEmpty();
        assertBalanced();
    }

    @Test
    void a_follower_that_was_locked_when_its_predecessor_ended_is_told_by_the_sweep() throws Exception {
        UUID a = enqueue("a", "");
        UUID b = enqueue("b", "after => array['%s']::uuid[]".formatted(a));
        List<Held> held = claim(10);
        try (Connection cancelling = DATABASE.connection()) {
            cancelling.setAutoCommit(false);
            cancelling
                    .createStatement()
                    .execute("select set_config('app.active_workspace', '%s', true)".formatted(workspace));
            cancelling.createStatement().execute("select postrider.cancel_task('%s')".formatted(b));
            assertThat(finish(held)).isEqualTo("1 {}");
            cancelling.rollback();
        }
        assertThat(claim(10)).isEmpty();
        DATABASE.sql().queryForObject("select postrider.release_stranded()", Integer.class);
        assertThat(claim(10)).extracting(Held::name).containsExactly("b");
    }

    @Test
    void a_follower_whose_predecessor_is_gone_dies_with_the_sweep_and_dependencies_of_nobody_are_forgotten() {
        UUID a = enqueue("a", "");
        UUID b = enqueue("b", "after => array['%s']::uuid[]".formatted(a));
        UUID c = enqueue("c", "after => array['%s']::uuid[]".formatted(b));
        UUID d = enqueue("d", "");
        enqueue("e", "after => array['%s']::uuid[]".formatted(d));
        DATABASE.sql()
                .update("delete from postrider.background_tasks where task_id = ? or payload ->> 'name' = 'e'", a);
        assertThat(claim(10)).extracting(Held::name).containsExactly("d");

        DATABASE.sql().queryForObject("select postrider.release_stranded()", Integer.class);

        assertThat(reason(b)).isEqualTo("task %s, which had to complete first, was dead-lettered", a);
        assertThat(reason(c)).isEqualTo("task %s, which had to complete first, was dead-lettered", b);
        assertThat(DATABASE.sql().queryForList("select * from postrider.task_dependencies"))
                .isEmpty();
    }

    @Test
    void a_task_of_another_workspace_does_not_exist_for_those_that_would_come_after_it() {
        UUID mine = enqueue("mine", "");
        workspace = DATABASE.newWorkspace();

        assertThatThrownBy(() -> enqueue("theirs", "after => array['%s']::uuid[]".formatted(mine)))
                .rootCause()
                .hasMessageContaining("after: task %s does not exist".formatted(mine));
    }

    @Test
    void a_batch_is_enqueued_in_order_and_its_tasks_may_name_each_other() {
        List<UUID> plain = batch("""
                [{"taskType": "held", "payload": {"name": "a"}, "priorityRank": 5},
                 {"taskType": "held", "payload": {"name": "b"}, "scheduledAt": "2040-01-01T00:00:00Z"},
                 {"taskType": "held", "orderingKey": "k", "limitKey": "l"}]""");
        assertThat(DATABASE.sql().queryForList("""
                select concat_ws(' ', payload ->> 'name', priority_rank, ready, ordering_key, limit_key)
                  from unnest(?::uuid[]) with ordinality as u (task_id, n) join postrider.background_tasks using (task_id)
                 order by n""", String.class, "{%s,%s,%s}".formatted(plain.toArray())))
                .containsExactly("a 5 t", "b 0 f", "0 t k l");

        List<UUID> chain = batch("""
                [{"taskType": "held", "payload": {"name": "last"}, "after": ["one", "two"]},
                 {"taskType": "held", "payload": {"name": "two"}, "ref": "two", "after": ["one"]},
                 {"taskType": "held", "payload": {"name": "one"}, "ref": "one", "uniqueKey": "u"},
                 {"taskType": "held", "payload": {"name": "again"}, "uniqueKey": "u"}]""");
        assertThat(chain.get(3)).isEqualTo(chain.get(2));
        assertThat(DATABASE.sql()
                        .queryForObject(
                                "select waits_for from postrider.background_tasks where task_id = ?",
                                Integer.class,
                                chain.get(0)))
                .isEqualTo(2);
        assertBalanced();
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '~', textBlock = """
            {}                                                                    | tasks is no array
            [1]                                                                   | tasks[0] is no object
            [{"taskType": "x"}, {"payload": {}}]                                  | tasks[1].taskType is missing
            [{"taskType": "x", "prio": 1}]                                        | tasks[0].prio is no field of a task
            [{"taskType": "x", "ref": "a"}, {"taskType": "x", "ref": "a"}]        | tasks[0].ref: "a" names another task of this batch, too
            [{"taskType": "x", "ref": "a", "after": ["a"]}]                       | tasks[0].after: these tasks wait for each other in a circle
            [{"taskType": "x"}, {"taskType": "x", "ref": "a", "after": ["b"]}, {"taskType": "x", "ref": "b", "after": ["a"]}] | tasks[1].after: these tasks wait for each other in a circle
            [{"taskType": "x", "after": ["01a20157-0c61-79f5-a389-23a552c65b89"]}] | tasks[0].after: task 01a20157-0c61-79f5-a389-23a552c65b89 does not exist
            [{"taskType": "x", "after": ["nobody"]}]                              | tasks[0].after: nobody is neither the id of a task nor the ref of one of this batch
            """)
    void a_batch_with_a_mistake_is_refused_as_a_whole_with_the_place_and_the_reason(String tasks, String reason) {
        assertThatThrownBy(() -> batch(tasks)).rootCause().hasMessageContaining(reason);
        assertThat(count("true")).isZero();
    }

    private List<UUID> batch(String tasks) {
        return DATABASE.as(
                "tenant",
                workspace,
                sql -> sql.queryForList("select unnest(postrider.enqueue_tasks(?::jsonb))", UUID.class, tasks));
    }

    private static String reason(UUID task) {
        return DATABASE.sql()
                .queryForObject("select reason from postrider.dead_letters where task_id = ?", String.class, task);
    }

    private void assertBalanced() {
        assertThat(DATABASE.sql()
                        .queryForObject(
                                "select unaccounted from postrider.accounting where workspace_id = ?",
                                Integer.class,
                                workspace))
                .isZero();
    }
}
