package dev.postrider.queue;

import static org.assertj.core.api.Assertions.assertThat;

import dev.postrider.testkit.RunningApplication;
import java.util.Collection;
import java.util.List;
import java.util.UUID;
import org.springframework.jdbc.core.JdbcTemplate;

/** Says where every accepted task is now, from the tables themselves and not from what an application says of them. */
record Ledger(JdbcTemplate sql) {

    /** Enqueues tasks of one type in one transaction; returns their ids. */
    List<UUID> enqueue(String taskType, int count) {
        return sql.queryForList("""
                select postrider.enqueue_task(?, jsonb_build_object('n', n))
                  from (select set_config('app.active_workspace', ?, true)) workspace, generate_series(1, ?) n""", UUID.class, taskType, RunningApplication.WORKSPACE.toString(), count);
    }

    UUID enqueue(String taskType) {
        return enqueue(taskType, 1).get(0);
    }

    int completed(String taskType) {
        return count(
                "select count(*) from postrider.task_history where task_status = 'completed' and task_type = ?",
                taskType);
    }

    /** How many tasks of a type wait ({@code queued}) or are claimed ({@code processing}). */
    int open(String taskType, String status) {
        return count(
                "select count(*) from postrider.background_tasks where task_type = ? and task_status = ?",
                taskType,
                status);
    }

    int count(String query, Object... arguments) {
        return sql.queryForObject(query, Integer.class, arguments);
    }

    /** The law of conservation, task by task: each is in the history or among the dead letters, exactly once. */
    void assertEachEndedOnce(Collection<UUID> accepted) {
        List<UUID> ended = sql.queryForList(
                "select task_id from postrider.task_history union all select task_id from postrider.dead_letters",
                UUID.class);
        assertThat(ended.stream().filter(accepted::contains).sorted().toList())
                .isEqualTo(accepted.stream().sorted().toList());
        assertThat(sql.queryForList("select * from postrider.accounting where unaccounted <> 0"))
                .isEmpty();
    }
}
