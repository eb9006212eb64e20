package dev.postrider.queue;

import static org.assertj.core.api.Assertions.assertThat;

import dev.postrider.testkit.MigratedDatabase;
import java.util.List;
import java.util.UUID;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** What {@code queue_state} counts, and what it calls due. */
class QueueStateTest {

    private static final MigratedDatabase DATABASE = MigratedDatabase.create();

    @BeforeAll
    static void tasksOfAllStates() {
        UUID open = DATABASE.newWorkspace();
        UUID paused = DATABASE.newWorkspace();
        UUID suspended = DATABASE.newWorkspace();
        var sql = DATABASE.sql();
        sql.execute("""
                insert into postrider.task_types (task_type, published_at, paused_until)
                values ('one', now(), null), ('two', now(), null), ('resting', now(), 'infinity'), ('over', now(), now() - interval '1 s'),
                       ('never', null, 'infinity');
                alter table postrider.background_tasks disable trigger all""");
        sql.update("update postrider.workspaces set workspace_status = 'suspended' where workspace_id = ?", suspended);
        sql.update(
                "insert into postrider.task_limits (workspace_id, limit_key, paused_until) values (?, '', 'infinity')",
                paused);
        sql.update("""
                insert into postrider.background_tasks (workspace_id, task_type, task_status, ready, held_by, scheduled_at)
                select case whose when 'open' then ?::uuid when 'paused' then ?::uuid else ?::uuid end,
                       type, status, ready, held_by, now() - age
                  from (values ('open', 'one', 'queued', true, null, interval '10 min'),
                               ('open', 'one', 'queued', false, null, interval '20 min'),
                               ('open', 'one', 'queued', false, null, interval '-1 hour'),
                               ('open', 'one', 'queued', false, 'limit', interval '1 hour'),
                               ('open', 'one', 'processing', false, null, interval '2 hours'),
                               ('paused', 'one', 'queued', true, null, interval '3 hours'),
                               ('suspended', 'one', 'queued', true, null, interval '4 hours'),
                               ('paused', 'two', 'processing', false, null, interval '1 hour'),
                               ('open', 'resting', 'queued', true, null, interval '5 hours'),
                               ('open', 'over', 'queued', true, null, interval '30 min'),
                               ('open', 'never', 'queued', true, null, interval '6 hours'))
                       task (whose, type, status, ready, held_by, age)
                union all
                select ?, 'unknown-' || lpad(n::text, 3, '0'), 'queued', true, null, now() - make_interval(mins => 1000 - n)
                  from generate_series(1, 150) n""", open, paused, suspended, open);
    }

    @Test
    void all_is_counted_but_what_waits_in_suspended_workspaces() {
        assertThat(state(true, "declared"))
                .containsExactly("one true 5 1 20", "over true 1 0 30", "resting true 1 0 0", "two true 0 1 0");
    }

    @Test
    void what_is_held_back_is_counted_by_what_holds_it_back() {
        assertThat(DATABASE.sql().queryForList("""
                        select concat_ws(' ', task_type, behind_limits, behind_orderings, behind_tasks)
                          from postrider.queue_state(true) where declared order by 1""", String.class))
                .isEqualTo(DATABASE.sql().queryForList("""
                        select concat_ws(' ', task_type, count(*) filter (where held_by in ('limit', 'workspace')),
                                         count(*) filter (where held_by = 'ordering'), count(*) filter (where held_by = 'tasks'))
                          from postrider.background_tasks t join postrider.task_types using (task_type)
                          join postrider.workspaces w on w.workspace_id = t.workspace_id and workspace_status = 'active'
                         where published_at is not null group by task_type order by 1""", String.class))
                .anyMatch(counts -> counts.startsWith("one 1 "));
    }

    @Test
    void the_oldest_is_as_old_as_it_was_when_the_reading_began() {
        assertThat(DATABASE.sql().queryForObject("""
                select oldest = (select extract(epoch from now() - scheduled_at)::float8
                                   from postrider.background_tasks where task_type = 'over')
                  from postrider.queue_state(false) where task_type = 'over'""", Boolean.class)).isTrue();
    }

    @Test
    void without_counting_the_oldest_of_what_nothing_holds_back_is_the_same() {
        assertThat(state(false, "declared")).containsExactly("one true 20", "over true 30", "resting true 0");
    }

    @Test
    void another_node_could_begin_what_is_due_and_neither_paused_nor_held_back_nor_without_a_handler() {
        assertThat(DATABASE.<Long>as(
                        "operator", null, sql -> sql.queryForObject("select postrider.tasks_due()", Long.class)))
                .isEqualTo(3);
    }

    @Test
    void of_types_that_no_node_has_declared_at_most_a_hundred_are_told_apart_and_none_is_lost() {
        List<String> unknown = state(true, "not declared");
        assertThat(unknown).hasSize(101).contains("unknown-001 false 1 0 999").doesNotContain("one true 5 1 20");
        assertThat(unknown.get(100)).isEqualTo("false 51 0 899");
    }

    private static List<String> state(boolean counted, String which) {
        return DATABASE.as("dispatcher", null, sql -> sql.queryForList("""
                        select concat_ws(' ', task_type, declared::text, waiting, running, floor(oldest / 60))
                          from postrider.queue_state(%s) where %s order by task_type nulls last""".formatted(counted, which), String.class));
    }
}
