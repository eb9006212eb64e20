package dev.postrider.tenancy;

import static dev.postrider.testkit.RunningApplication.await;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.postrider.testkit.MigratedDatabase;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.postgresql.PGConnection;

/** What the erasure of a workspace does in its steps, made by hand in a database where nobody works. */
class ErasureStepsTest {

    private static final MigratedDatabase DATABASE = MigratedDatabase.create();
    private static final String NO_WORKSPACE = "00000000-0000-0000-0000-000000000000";
    private static final int MANY = 12_000;

    private final UUID gone = DATABASE.newWorkspace();
    private final UUID other = DATABASE.newWorkspace();

    @AfterEach
    void theBooksBalanceAndNothingIsLeftToDo() {
        assertThat(unaccounted()).isZero();
        assertThat(count("select count(*) from postrider.erasures where erasure_status = 'running'"))
                .isZero();
    }

    @Test
    void a_step_erases_at_most_five_thousand_rows_and_the_books_balance_after_each() {
        fill(gone);
        fill(other);
        String before = everythingOf(other);
        delete(gone);
        int events = count("select count(*) from postrider.system_events where workspace_id = '%s'".formatted(gone));

        request(gone);
        int steps = 0;
        int erased = 0;
        while (running(gone)) {
            step();
            int now = erased(gone);
            assertThat(receipt(gone, "held_up")).isNull();
            assertThat(now - erased).isLessThanOrEqualTo(5_000);
            assertThat(unaccounted()).as("after step %d", ++steps).isZero();
            erased = now;
        }

        assertThat(steps).isBetween(6, 12);
        assertThat(rows(gone)).isZero();
        assertThat(readable(gone)).isZero();
        assertThat(count("select count(*) from postrider.system_events where workspace_id = '%s'".formatted(gone)))
                .isEqualTo(events);
        assertThat(receipt(gone, "row_counts ->> 'system_events'")).isEqualTo("" + events);
        assertThat(receipt(gone, "row_counts ->> 'task_history'")).isEqualTo("" + MANY);
        assertThat(everythingOf(other)).isEqualTo(before);
    }

    @Test
    void a_node_that_dies_in_a_step_has_done_nothing_and_another_goes_on_where_the_last_whole_step_ended()
            throws Exception {
        fill(gone);
        delete(gone);
        request(gone);
        step();
        int done = erased(gone);
        int left = rows(gone);
        try (Connection node = DATABASE.connection();
                Statement statement = node.createStatement()) {
            node.setAutoCommit(false);
            statement.execute("select postrider.step_erasures()");
            assertThat(erased(gone)).isEqualTo(done);
            step(); // meanwhile nobody else steps
            assertThat(erased(gone)).isEqualTo(done);

            DATABASE.sql()
                    .execute("select pg_terminate_backend(%d)"
                            .formatted(node.unwrap(PGConnection.class).getBackendPID()));
            assertThatThrownBy(() -> {
                        statement.execute("select 1");
                        node.commit();
                    })
                    .isInstanceOf(SQLException.class);
        }
        assertThat(rows(gone)).isEqualTo(left);

        steps(gone);
        assertThat(rows(gone)).isZero();
        assertThat(receipt(gone, "row_counts ->> 'task_history'")).isEqualTo("" + MANY);
    }

    @Test
    void two_nodes_and_requests_that_are_repeated_erase_each_row_once_and_leave_one_receipt() {
        fill(gone);
        delete(gone);
        assertThat(request(gone)).isEqualTo(request(gone));

        CompletableFuture<?>[] nodes = Stream.generate(() -> CompletableFuture.runAsync(() -> steps(gone)))
                .limit(2)
                .toArray(CompletableFuture[]::new);
        CompletableFuture.allOf(nodes).join();

        String receipt = receipt(gone, "erasure_id || row_counts::text || ended_at");
        assertThat(receipt(gone, "row_counts ->> 'task_history'")).isEqualTo("" + MANY);
        assertThat(request(gone)).contains(receipt(gone, "erasure_id"));
        step();
        assertThat(receipt(gone, "erasure_id || row_counts::text || ended_at")).isEqualTo(receipt);
        for (String type : List.of("workspace.erasure-requested", "workspace.erased")) {
            assertThat(audited(type)).as(type).hasSize(1);
        }
    }

    @Test
    void only_a_deleted_workspace_is_erased_and_the_refusal_says_what_to_do() {
        assertThatThrownBy(() -> request(gone)).rootCause().hasMessageContaining("is active, and only a deleted one");
        change(gone, "suspended");
        assertThatThrownBy(() -> request(gone))
                .rootCause()
                .hasMessageContaining("is suspended")
                .hasMessageContaining("Delete it first: PATCH");
        delete(gone);
        assertThatThrownBy(() -> request(gone, " ")).rootCause().hasMessageContaining("reason is empty");
        assertThat(request(UUID.randomUUID())).isNull();
        assertThat(request(UUID.fromString(NO_WORKSPACE))).isNull();
    }

    @Test
    void an_erased_workspace_is_not_changed_any_more_and_its_id_is_not_given_again() {
        delete(gone);
        request(gone);
        steps(gone);

        assertThat(DATABASE.sql()
                        .queryForMap(
                                "select name, workspace_status, weight, erased_at is not null as erased from postrider.workspaces where workspace_id = ?",
                                gone))
                .isEqualTo(Map.of("name", "erased", "workspace_status", "deleted", "weight", 1, "erased", true));
        assertThatThrownBy(() -> delete(gone)).rootCause().hasMessageContaining("is being erased, or was");
        assertThatThrownBy(() -> DATABASE.sql().queryForList("select postrider.create_workspace('again', ?)", gone))
                .rootCause()
                .hasMessageContaining("exists already");
        assertThat(readable(gone)).isZero();
    }

    @Test
    void what_a_transaction_adds_that_was_open_when_the_workspace_was_deleted_is_erased_too() throws Exception {
        try (Connection application = DATABASE.connection();
                Statement statement = application.createStatement()) {
            application.setAutoCommit(false);
            statement.execute("select set_config('app.active_workspace', '%s', true)".formatted(gone));
            statement.execute("select postrider.required_workspace()");
            delete(gone);
            request(gone);
            assertThat(heldUpAfterAStep(gone)).contains("waits for 1 transactions that were open");

            statement.execute(
                    "reset role; insert into postrider.workspace_assets (workspace_id, name) values ('%s', 'late')"
                            .formatted(gone));
            application.commit();
        }
        steps(gone);

        assertThat(rows(gone)).isZero();
        assertThat(receipt(gone, "row_counts ->> 'workspace_assets'")).isEqualTo("1");
    }

    @Test
    void it_waits_for_tasks_that_run_and_erases_what_their_end_leaves() {
        DATABASE.sql()
                .update(
                        "insert into postrider.worker_nodes (node_id, host, heartbeat_at) values (?, 'test', now() + interval '1 hour')",
                        "n-" + gone);
        String task = enqueue(gone, "erasure-runs");
        DATABASE.sql()
                .queryForList(
                        "select task_id from postrider.claim_tasks(?, '{\"erasure-runs\": {\"free\": 1}}')",
                        String.class,
                        "n-" + gone);
        delete(gone);
        request(gone);

        assertThat(heldUpAfterAStep(gone)).contains("waits for 1 running tasks, which were asked to stop");
        assertThat(count("select count(*) from postrider.background_tasks where cancel_requested and task_id = '%s'"
                        .formatted(task)))
                .isOne();

        DATABASE.sql()
                .queryForList(
                        "select postrider.end_attempts(?, array[?], array[?::uuid], '{1}', '{dead}', '{secret}', '{0}')::text",
                        "n-" + gone, gone, task);
        steps(gone);
        assertThat(rows(gone)).isZero();
    }

    @Test
    void a_hold_refuses_the_request_and_stops_an_erasure_until_it_is_released() {
        delete(gone);
        hold(gone);
        assertThatThrownBy(() -> request(gone)).rootCause().hasMessageContaining("is under a hold (a court)");
        release(gone);
        fill(gone);
        request(gone);
        hold(gone);
        int left = rows(gone);
        assertThat(heldUpAfterAStep(gone)).contains("is under a hold (a court): release it first");
        assertThat(rows(gone)).isEqualTo(left);

        release(gone);
        steps(gone);
        assertThat(rows(gone)).isZero();
    }

    @Test
    void a_step_that_fails_says_why_and_is_tried_again() throws Exception {
        fill(gone);
        delete(gone);
        request(gone);
        try (Connection somebody = DATABASE.connection();
                Statement statement = somebody.createStatement()) {
            somebody.setAutoCommit(false);
            statement.execute("select from postrider.event_keys where workspace_id = '%s' for update".formatted(gone));
            String held = heldUpAfterAStep(gone);
            while (held == null) {
                held = heldUpAfterAStep(gone);
            }
            assertThat(held).contains("lock timeout");
            somebody.rollback();
        }
        steps(gone);
        assertThat(rows(gone)).isZero();
    }

    /** Whoever adds a table grants the engine to delete from it, or this names the table. */
    @Test
    void every_table_with_a_workspace_is_erased_or_kept_on_purpose() {
        assertThat(DATABASE.sql().queryForList("""
                select relname from pg_class c
                 where relnamespace = 'postrider'::regnamespace and relkind in ('r', 'p') and not relispartition
                   and exists (select from pg_attribute where attrelid = c.oid and attname = 'workspace_id' and not attisdropped)
                   and relname not in ('workspaces', 'erasures', 'system_events')
                   and not (has_table_privilege('postrider_engine', c.oid, 'select, delete')
                            and exists (select from postrider.erasable_parts() p where p.table_name = relname))""", String.class)).isEmpty();
        assertThat(DATABASE.sql().queryForList("""
                select c.relname from pg_class c join pg_inherits i on i.inhrelid = c.oid
                 where c.relnamespace = 'postrider'::regnamespace and c.relkind = 'r'
                   and not exists (select from postrider.erasable_parts() p where p.place like '% ' || c.relname and p.key_range <> '')""", String.class)).isEmpty();
    }

    @Test
    void a_new_table_that_was_forgotten_holds_the_erasure_up_instead_of_being_left_out() {
        DATABASE.sql().execute("""
                create table postrider.notes (workspace_id uuid not null, note text, primary key (workspace_id, note));
                alter table postrider.notes owner to postrider_owner""");
        DATABASE.sql().queryForList("select postrider.enforce_isolation('postrider.notes')::text");
        DATABASE.sql().update("insert into postrider.notes values (?, 'of them'), (?, 'of others')", gone, other);
        delete(gone);
        request(gone);

        assertThat(heldUpAfterAStep(gone)).contains("permission denied for table notes");
        DATABASE.sql().execute("grant select, delete on postrider.notes to postrider_engine");
        steps(gone);

        assertThat(DATABASE.sql().queryForList("select note from postrider.notes", String.class))
                .containsExactly("of others");
        assertThat(receipt(gone, "row_counts ->> 'notes'")).isEqualTo("1");
        DATABASE.sql().execute("drop table postrider.notes");
    }

    @Test
    void tables_of_a_team_are_left_alone_and_named_in_the_receipt() {
        DATABASE.sql().execute("""
                create schema billing;
                create table billing.invoices (invoice_id int, workspace_id uuid not null, primary key (workspace_id, invoice_id));
                create table billing.rates (rate numeric)""");
        DATABASE.sql().queryForList("select postrider.isolate('billing.invoices')::text");
        DATABASE.sql().update("insert into billing.invoices values (1, ?)", gone);
        delete(gone);
        request(gone);
        steps(gone);

        assertThat(count("select count(*) from billing.invoices")).isOne();
        assertThat(receipt(gone, "team_tables::text")).isEqualTo("{billing.invoices}");
        assertThat(audited("workspace.erased"))
                .singleElement()
                .asString()
                .contains("billing.invoices")
                .contains("a test");
        DATABASE.sql().execute("drop schema billing cascade");
    }

    /** Some thousand rows in the tables that grow, of several months. */
    private static void fill(UUID workspace) {
        DATABASE.sql().update("""
                with made as (select postrider.new_id() as id, n from generate_series(1, ?) n)
                , logged as (insert into postrider.accepted_log (workspace_id, kind, task_ids)
                             select ?, 'task', array_agg(id) from made group by n % 10)
                insert into postrider.task_history (task_id, workspace_id, kind, task_type, task_status, priority_rank, scheduled_at,
                       attempt_count, failure_count, created_at, completed_at, payload)
                select id, ?, 'task', 'x', 'completed', 0, now(), 1, 0, now(), now() + n % 3 * interval '31 days', '{"secret": 1}' from made""", MANY, workspace, workspace);
        DATABASE.sql().update("""
                insert into postrider.system_events (workspace_id, occurred_at, event_type, actor, payload)
                select ?, now() + n % 3 * interval '31 days', 'x', 'somebody', '{"secret": 1}' from generate_series(1, ?) n""", workspace, MANY);
        DATABASE.sql()
                .update(
                        "insert into postrider.event_keys (workspace_id, event_key, event_id, request_hash) values (?, 'k', gen_random_uuid(), '')",
                        workspace);
        DATABASE.sql().update("""
                insert into postrider.schedules (workspace_id, task_type, every) values (?, 'x', 3600000);""", workspace);
        DATABASE.sql().update("""
                insert into postrider.webhook_sources (workspace_id, provider, source_key, secrets) values (?, 'stripe', ?, '')""", workspace, workspace.toString());
    }

    private static void hold(UUID workspace) {
        DATABASE.sql()
                .update(
                        "insert into postrider.retention_holds (workspace_id, reason, actor) values (?, 'a court', 'a lawyer')",
                        workspace);
    }

    private static void release(UUID workspace) {
        DATABASE.sql().update("delete from postrider.retention_holds where workspace_id = ?", workspace);
    }

    private static String enqueue(UUID workspace, String type) {
        return DATABASE.as(
                "tenant", workspace, sql -> sql.queryForObject("select enqueue_task(?)", String.class, type));
    }

    private static void change(UUID workspace, String status) {
        DATABASE.as(
                "operator",
                null,
                sql -> sql.queryForList("select change_workspace(?, ?, 'a test')::text", workspace, status));
    }

    private static void delete(UUID workspace) {
        change(workspace, "deleted");
    }

    private static String request(UUID workspace) {
        return request(workspace, "a test");
    }

    private static String request(UUID workspace, String reason) {
        return DATABASE.as(
                "operator",
                null,
                sql -> sql.queryForObject("select request_erasure(?, ?)::text", String.class, workspace, reason));
    }

    private static Integer step() {
        return DATABASE.as("dispatcher", null, sql -> sql.queryForObject("select step_erasures()", Integer.class));
    }

    /** As a node does, but for the time that it waits. */
    private static void steps(UUID workspace) {
        await().until(() -> {
            DATABASE.sql()
                    .update(
                            "update postrider.erasures set due_at = now() where workspace_id = ? and held_up is not null",
                            workspace);
            step();
            return !running(workspace);
        });
    }

    private static String heldUpAfterAStep(UUID workspace) {
        step();
        return receipt(workspace, "held_up");
    }

    private static boolean running(UUID workspace) {
        return receipt(workspace, "erasure_status").equals("running");
    }

    private static String receipt(UUID workspace, String expression) {
        return DATABASE.sql()
                .queryForObject(
                        "select (%s)::text from postrider.erasures where workspace_id = ?".formatted(expression),
                        String.class,
                        workspace);
    }

    private static int erased(UUID workspace) {
        return Integer.parseInt(
                receipt(workspace, "(select coalesce(sum(value::int), 0) from jsonb_each_text(row_counts))"));
    }

    private List<String> audited(String type) {
        return DATABASE.sql().queryForList("""
                select actor || ' ' || payload from postrider.system_events
                 where workspace_id = ?::uuid and event_type = ? and payload ->> 'workspaceId' = ?""", String.class, NO_WORKSPACE, type, gone.toString());
    }

    /** Rows of a workspace, but for its tombstone, its events and its receipt. */
    private static int rows(UUID workspace) {
        return tables().stream()
                .filter(table ->
                        !List.of("workspaces", "erasures", "system_events").contains(table))
                .mapToInt(table -> count(
                        "select count(*) from postrider.%s where workspace_id = '%s'".formatted(table, workspace)))
                .sum();
    }

    private static int readable(UUID workspace) {
        return count(
                "select count(*) from postrider.system_events where workspace_id = '%s' and (payload <> '{}' or actor is not null)"
                        .formatted(workspace));
    }

    private static String everythingOf(UUID workspace) {
        return tables().stream()
                .map(table -> DATABASE.sql()
                        .queryForObject(
                                "select '%1$s ' || count(*) || md5(coalesce(string_agg(t::text, '' order by t::text), '')) from postrider.%1$s t where workspace_id = ?"
                                        .formatted(table),
                                String.class,
                                workspace))
                .toList()
                .toString();
    }

    private static List<String> tables() {
        return DATABASE.sql().queryForList("""
                select relname from pg_class c
                 where relnamespace = 'postrider'::regnamespace and relkind in ('r', 'p') and not relispartition
                   and exists (select from pg_attribute where attrelid = c.oid and attname = 'workspace_id')""", String.class);
    }

    private static long unaccounted() {
        return DATABASE.sql().queryForObject("select postrider.unaccounted()", Long.class);
    }

    private static int count(String query) {
        return DATABASE.sql().queryForObject(query, Integer.class);
    }
}
