package dev.postrider.bench;

import dev.postrider.testkit.RunningApplication;

/** Many workspaces, and tasks spread over them. */
final class Workspaces {

    private Workspaces() {}

    /** Makes workspaces whose ids are drawn at random, as a team's own are. */
    static void make(RunningApplication application, int count) {
        application.sql().execute("""
                insert into postrider.workspaces (workspace_id, name)
                select gen_random_uuid(), 'bench' from generate_series(1, %d)
                """.formatted(count));
    }

    /**
     * Adds tasks of a type, the same number to each of so many workspaces; {@link PickUps} does not watch them. The rows
     * are those of enqueue_task; its calls and the triggers, which would take most of the time, are left out.
     *
     * @param due SQL that says when
     */
    static void fill(RunningApplication application, int workspaces, String type, int tasks, String due) {
        application.sql().execute("""
                set session_replication_role = replica;
                insert into postrider.background_tasks (workspace_id, task_type, payload, scheduled_at, ready)
                select workspace_id, '%1$s', jsonb_build_object('n', -n, 'text', repeat('x', 180)), %2$s, %2$s <= now()
                  from (select workspace_id from postrider.workspaces where name = 'bench' limit %3$d) chosen
                 cross join generate_series(1, %4$d) n
                """.formatted(type, due, workspaces, tasks / workspaces));
    }
}
