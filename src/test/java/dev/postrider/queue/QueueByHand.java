package dev.postrider.queue;

import dev.postrider.testkit.MigratedDatabase;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.springframework.boot.json.JsonParserFactory;

/** A queue whose node is the test: it enqueues, claims and ends tasks by the functions that routes call. */
abstract class QueueByHand {

    static final MigratedDatabase DATABASE = MigratedDatabase.create();
    static final String NODE = "node-of-the-test";

    UUID workspace;

    /** A task that the node holds. */
    record Held(UUID workspace, UUID task, int attempt, String name) {}

    @BeforeAll
    static void aNodeThatNeverFallsSilent() {
        DATABASE.sql()
                .update(
                        "insert into postrider.worker_nodes (node_id, host, heartbeat_at) values (?, 'test', now() + interval '1 hour') on conflict do nothing",
                        NODE);
    }

    @BeforeEach
    void anEmptyQueue() {
        DATABASE.sql()
                .execute("truncate postrider.background_tasks, postrider.task_limits, postrider.task_dependencies");
        workspace = DATABASE.newWorkspace();
    }

    UUID enqueue(String name, String further) {
        return DATABASE.as(
                "tenant",
                workspace,
                sql -> sql.queryForObject(
                        "select postrider.enqueue_task('held', jsonb_build_object('name', ?)%s)"
                                .formatted(further.isEmpty() ? "" : ", " + further),
                        UUID.class,
                        name));
    }

    void tenant(String statement) {
        DATABASE.as("tenant", workspace, sql -> sql.queryForList(statement));
    }

    static List<Held> claim(int free) {
        return claim("{\"held\": {\"free\": %d}}".formatted(free));
    }

    static List<Held> claim(String slots) {
        return DATABASE.sql()
                .query(
                        "select * from postrider.claim_tasks(?, ?::jsonb) where task_id is not null",
                        (row, n) -> new Held(
                                row.getObject("workspace_id", UUID.class),
                                row.getObject("task_id", UUID.class),
                                row.getInt("attempt_count"),
                                (String) json(row.getString("payload")).get("name")),
                        NODE,
                        slots);
    }

    private static Map<String, Object> json(String text) {
        return JsonParserFactory.getJsonParser().parseMap(text);
    }

    static String finish(List<Held> tasks) {
        return DATABASE.sql()
                .queryForObject(
                        "select written || ' ' || coalesce(later, '{}')::text from postrider.finish_tasks(?, ?::uuid[], ?::uuid[], ?::int[])",
                        String.class,
                        NODE,
                        array(tasks.stream().map(Held::workspace).toList()),
                        array(tasks.stream().map(Held::task).toList()),
                        array(tasks.stream().map(Held::attempt).toList()));
    }

    private static String array(List<?> values) {
        return values.toString().replace('[', '{').replace(']', '}');
    }

    static void end(Held task, String outcome, long delay) {
        DATABASE.sql()
                .queryForList(
                        "select * from postrider.end_attempts(?, array[?::uuid], array[?::uuid], array[?], array[?], array['late'], array[?::bigint])",
                        NODE,
                        task.workspace(),
                        task.task(),
                        task.attempt(),
                        outcome,
                        delay);
    }

    static int count(String condition) {
        return DATABASE.sql()
                .queryForObject("select count(*) from postrider.background_tasks where " + condition, Integer.class);
    }
}
