package dev.postrider.tenancy;

import static dev.postrider.testkit.RunningApplication.await;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.postrider.database.SqlFile;
import dev.postrider.testkit.Answer;
import dev.postrider.testkit.RunningApplication;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.stream.IntStream;
import org.apache.camel.Processor;
import org.junit.jupiter.api.Test;

/** What still works in a workspace that is suspended, deleted or unknown, or with a key that was revoked: nothing. */
class ClosedWorkspaceTest {

    private static final RunningApplication APPLICATION = RunningApplication.shared();

    private final UUID workspace = APPLICATION.newWorkspace();
    private final String key = APPLICATION.newKey(workspace);

    @Test
    void a_suspended_workspaces_key_is_refused_with_the_reason_and_opens_again_afterwards() {
        change("suspended");

        Answer refused = APPLICATION.send(key, "GET", "/v1/tasks", null);
        assertThat(refused.status()).isEqualTo(403);
        assertThat(refused.text("/detail")).isEqualTo("this key's workspace is suspended");

        change("active");
        assertThat(APPLICATION.send(key, "GET", "/v1/tasks", null).status()).isEqualTo(200);
    }

    @Test
    void a_suspended_workspaces_source_answers_503_and_a_deleted_ones_is_unknown() {
        String url = APPLICATION
                .send(key, "POST", "/v1/sources", "{\"provider\": \"github\", \"secrets\": [\"a-long-enough-secret\"]}")
                .text("/url");
        String path = url.substring(url.indexOf("/webhooks"));

        change("suspended");
        Answer paused = APPLICATION.send(null, "POST", path, "{}");
        assertThat(paused.status()).isEqualTo(503);
        assertThat(paused.headers().firstValue("Retry-After")).isPresent();

        change("deleted");
        Answer unknown = APPLICATION.send(null, "POST", path, "{}");
        assertThat(unknown.status()).isEqualTo(404);
        assertThat(unknown.body())
                .isEqualTo(APPLICATION
                        .send(null, "POST", "/webhooks/github/nobodys-key", "{}")
                        .body());
    }

    @Test
    void a_suspended_workspaces_tasks_wait_and_run_when_it_is_active_again() {
        String task = enqueueLater("closed-waits");
        change("suspended");
        APPLICATION.handler("closed-waits", "", "- log: ran");
        APPLICATION
                .sql()
                .update("update postrider.background_tasks set scheduled_at = now() where task_id = ?::uuid", task);

        // The task of another workspace is claimed by a poll that has met this one's.
        APPLICATION.awaitTask(APPLICATION.enqueue("closed-waits", "{}"), "completed");
        assertThat(statusOf(task)).isEqualTo("queued");

        change("active");
        await().until(() -> statusOf(task).equals("completed"));
    }

    @Test
    void many_suspended_workspaces_with_work_hide_no_active_one_from_the_claim() {
        List<UUID> others =
                IntStream.range(0, 36).mapToObj(i -> APPLICATION.newWorkspace()).toList();
        UUID last = APPLICATION.newWorkspace();
        for (UUID one : others) {
            enqueueIn(one, "closed-ring");
            change(one, "suspended");
        }
        enqueueIn(last, "closed-ring");
        APPLICATION
                .sql()
                .update(
                        "insert into postrider.worker_nodes (node_id, host, heartbeat_at) values ('closed-ring', 'test', now() + interval '1 hour')");

        for (UUID after : List.of(workspace, last)) { // the walk ahead, and the walk around
            enqueueIn(last, "closed-ring");
            assertThat(APPLICATION
                            .sql()
                            .queryForList(
                                    "select workspace_id from postrider.claim_tasks('closed-ring', jsonb_build_object('closed-ring', jsonb_build_object('free', 1, 'after', ?))) where task_id is not null",
                                    UUID.class,
                                    after.toString()))
                    .containsExactly(last);
        }
    }

    @Test
    void a_transaction_that_names_a_closed_or_unknown_workspace_is_refused_whatever_calls() {
        change("suspended");
        for (String call : List.of(
                "select enqueue_task('x')",
                "select publish_event('x', '{}')",
                "select cancel_task(gen_random_uuid())",
                "select replay_dead_letter(gen_random_uuid(), 'x')",
                "select discard_dead_letter(gen_random_uuid(), 'x')")) {
            assertRefused(workspace, call, "workspace %s is suspended".formatted(workspace));
        }
        change("deleted");
        assertRefused(workspace, "select enqueue_task('x')", "workspace %s does not exist".formatted(workspace));
        UUID unknown = UUID.randomUUID();
        assertRefused(unknown, "select enqueue_task('x')", "workspace %s does not exist".formatted(unknown));
    }

    @Test
    void a_handler_of_a_workspace_that_was_suspended_meanwhile_writes_nothing_and_waits_without_a_failure() {
        Processor suspends = exchange -> change("suspended");
        APPLICATION.camel().getRegistry().bind("suspendsMeanwhile", suspends);
        APPLICATION.route("tasks/closed-writes.camel.yaml", """
                - route:
                    id: closed-writes
                    description: Writes an asset.
                    from:
                      uri: kamelet:task-source
                      parameters: {taskType: closed-writes}
                      steps:
                        - process: {ref: suspendsMeanwhile}
                        - setBody: {constant: report}
                        - to: direct:closed-writes.write
                - route:
                    id: closed-writes.write
                    description: Writes.
                    from:
                      uri: direct:closed-writes.write
                      steps:
                        - transacted: {ref: workspace}
                        - to: {uri: "sql:classpath:closed-write.sql", parameters: {dataSource: "#tenant"}}
                """);
        String task = APPLICATION
                .send(key, "POST", "/v1/tasks", "{\"taskType\": \"closed-writes\"}")
                .text("/taskId");

        await().until(() -> APPLICATION
                        .sql()
                        .queryForObject(
                                "select count(*) from postrider.background_tasks where task_id = ?::uuid and task_status = 'queued' and attempt_count = 1 and failure_count = 0 and scheduled_at > now()",
                                Integer.class,
                                task)
                == 1);
        assertThat(APPLICATION
                        .sql()
                        .queryForObject(
                                "select count(*) from postrider.workspace_assets where workspace_id = ?",
                                Integer.class,
                                workspace))
                .isZero();
        change("active");
    }

    @Test
    void deleting_is_for_good_and_each_change_is_audited_with_who_and_why() {
        String waits = enqueueLater("closed-deleted");
        String died = enqueueLater("closed-deleted");
        APPLICATION.sql().update("""
                        with gone as (delete from postrider.background_tasks where task_id = ?::uuid returning *)
                        insert into postrider.dead_letters (workspace_id, task_id, kind, task_type, priority_rank, attempt_count,
                                                            failure_count, created_at, reason, payload, attempts)
                        select workspace_id, task_id, kind, task_type, priority_rank, 1, 1, created_at, 'test', payload, '[]' from gone""", died);
        change("suspended");
        change("deleted");

        assertThat(statusOf(waits)).isEqualTo("cancelled");
        assertThat(statusOf(died)).isEqualTo("discarded");
        assertThat(APPLICATION.sql().queryForObject("select postrider.unaccounted()", Long.class))
                .isZero();
        assertThat(APPLICATION.send(key, "GET", "/v1/tasks", null).status()).isEqualTo(401);
        assertThat(patch(workspace, "active").status()).isEqualTo(409);
        assertThat(patch(UUID.randomUUID(), "active").status()).isEqualTo(404);
        assertThat(APPLICATION
                        .callAsOperator("POST", "/v1/workspaces/" + workspace + "/keys", "{\"scopes\": [\"inspect\"]}")
                        .status())
                .isEqualTo(404);
        List<Map<String, Object>> audit = APPLICATION
                .sql()
                .queryForList(
                        "select event_type, actor, payload ->> 'reason' as reason from postrider.system_events where workspace_id = ? and event_type in ('workspace.suspended', 'workspace.deleted') order by event_id",
                        workspace);
        assertThat(audit).extracting("event_type").containsExactly("workspace.suspended", "workspace.deleted");
        assertThat(audit).extracting("reason").containsOnly("test");
        assertThat(audit)
                .extracting("actor")
                .allSatisfy(actor -> assertThat(String.valueOf(actor)).startsWith("api-key:"));
    }

    @Test
    void what_was_enqueued_in_a_transaction_that_outlasts_the_deletion_or_claimed_meanwhile_is_ended_too()
            throws Exception {
        APPLICATION
                .sql()
                .update(
                        "insert into postrider.worker_nodes (node_id, host, heartbeat_at) values ('outlasting', 'test', now() + interval '1 hour')");
        enqueueIn(workspace, "closed-claimed");
        String late;
        String claimed;
        try (Connection application = superuser();
                Connection node = superuser()) {
            late = value(
                    application,
                    "select postrider.enqueue_task('closed-late') from set_config('app.active_workspace', '%s', true)"
                            .formatted(workspace));
            claimed = value(
                    node,
                    "select task_id from postrider.claim_tasks('outlasting', '{\"closed-claimed\": {\"free\": 1}}') where task_id is not null");
            CompletableFuture<Void> deleted = CompletableFuture.runAsync(() -> change("deleted"));
            await().until(() -> waitingForLocks() > 0);
            node.commit();
            deleted.get();
            application.commit();
            assertThat(statusOf(claimed)).isEqualTo("processing");
        }

        APPLICATION.as(
                "dispatcher",
                null,
                sql -> sql.queryForList(SqlFile.read("queries/end-deleted-work.sql"), Integer.class));

        assertThat(statusOf(late)).isEqualTo("cancelled");
        APPLICATION
                .sql()
                .queryForList(
                        "select postrider.end_attempts('outlasting', array[?], array[?::uuid], '{1}', '{retry}', '{late}', '{0}')::text",
                        workspace, claimed);
        assertThat(statusOf(claimed)).as("instead of waiting again").isEqualTo("cancelled");
        assertThat(APPLICATION.sql().queryForObject("select postrider.end_deleted_work()", Integer.class))
                .isZero();
        assertThat(APPLICATION.sql().queryForObject("select postrider.unaccounted()", Long.class))
                .isZero();
    }

    @Test
    void a_revoked_key_opens_nothing_and_only_its_own_workspace_can_name_it() {
        Answer made = APPLICATION.callAsOperator(
                "POST", "/v1/workspaces/" + workspace + "/keys", "{\"scopes\": [\"inspect\"]}");
        String path = "/keys/" + made.text("/keyId");
        assertThat(APPLICATION
                        .callAsOperator("DELETE", "/v1/workspaces/" + APPLICATION.newWorkspace() + path, null)
                        .status())
                .isEqualTo(404);
        assertThat(APPLICATION
                        .send(made.text("/apiKey"), "GET", "/v1/tasks", null)
                        .status())
                .isEqualTo(200);

        assertThat(APPLICATION
                        .callAsOperator("DELETE", "/v1/workspaces/" + workspace + path, null)
                        .status())
                .isEqualTo(204);

        assertThat(APPLICATION
                        .send(made.text("/apiKey"), "GET", "/v1/tasks", null)
                        .status())
                .isEqualTo(401);
        assertThat(APPLICATION
                        .callAsOperator("DELETE", "/v1/workspaces/" + workspace + path, null)
                        .status())
                .isEqualTo(404);
    }

    @Test
    void an_operator_who_has_no_workspace_may_repeat_a_request_all_the_same() {
        String[] header = {"Idempotency-Key", UUID.randomUUID().toString()};

        Answer first = APPLICATION.callAsOperator("POST", "/v1/workspaces", "{\"name\": \"once\"}", header);
        Answer again = APPLICATION.callAsOperator("POST", "/v1/workspaces", "{\"name\": \"once\"}", header);

        assertThat(first.status()).isEqualTo(201);
        assertThat(again.json()).isEqualTo(first.json());
    }

    private static Connection superuser() throws SQLException {
        Connection connection = DriverManager.getConnection(
                APPLICATION.database().directUrl(),
                APPLICATION.database().username(),
                APPLICATION.database().password());
        connection.setAutoCommit(false);
        return connection;
    }

    private static String value(Connection connection, String query) throws SQLException {
        ResultSet row = connection.createStatement().executeQuery(query);
        row.next();
        return row.getString(1);
    }

    private static int waitingForLocks() {
        return APPLICATION
                .sql()
                .queryForObject(
                        "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()",
                        Integer.class);
    }

    private void change(String status) {
        change(workspace, status);
    }

    private static void change(UUID one, String status) {
        assertThat(patch(one, status).text("/status")).isEqualTo(status);
    }

    private static Answer patch(UUID one, String status) {
        return APPLICATION.callAsOperator(
                "PATCH", "/v1/workspaces/" + one, "{\"status\": \"%s\", \"reason\": \"test\"}".formatted(status));
    }

    private String enqueueLater(String taskType) {
        return APPLICATION
                .send(
                        key,
                        "POST",
                        "/v1/tasks",
                        "{\"taskType\": \"%s\", \"scheduledAt\": \"2040-01-01T00:00:00Z\"}".formatted(taskType))
                .text("/taskId");
    }

    private static void enqueueIn(UUID one, String taskType) {
        APPLICATION.as("tenant", one, sql -> sql.queryForObject("select enqueue_task(?)", UUID.class, taskType));
    }

    private static void assertRefused(UUID one, String call, String message) {
        assertThatThrownBy(() -> APPLICATION.as("tenant", one, sql -> sql.queryForList(call)))
                .as(call)
                .rootCause()
                .hasMessageContaining(message);
    }

    private static String statusOf(String task) {
        return APPLICATION
                .sql()
                .queryForObject("select status from postrider.tasks where task_id = ?::uuid", String.class, task);
    }
}
