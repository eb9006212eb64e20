package dev.postrider.books;

import static dev.postrider.testkit.RunningApplication.await;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.postrider.testkit.MigratedDatabase;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.springframework.jdbc.core.JdbcTemplate;

/** What the books say and find, step by step, with nobody else at work. */
class BooksTest {

    private static final MigratedDatabase DATABASE = MigratedDatabase.create();
    private static final JdbcTemplate SQL = DATABASE.sql();

    private UUID workspace;

    @BeforeEach
    void aWorkspaceWithTasksOfEachKind() {
        SQL.execute("""
                alter table postrider.dead_letters disable trigger user; -- it adds tasks
                truncate postrider.background_tasks, postrider.dead_letters, postrider.task_history, postrider.accepted_log,
                    postrider.book_totals, postrider.book_days, postrider.book_findings;
                delete from postrider.book_state;
                insert into postrider.book_state default values""");
        workspace = DATABASE.newWorkspace();
        add("now()", "completed", 5);
        add("now()", "discarded", 2);
        add("now()", "cancelled", 1);
        add("now()", "dead", 3);
        add("now()", "waiting", 4);
        assertThat(reconcile()).isEmpty();
    }

    @Test
    void all_that_was_accepted_is_somewhere_before_and_after_it_is_counted() {
        Map<String, Object> before = books();
        countAll();

        assertThat(books()).isEqualTo(before);
        assertThat(books())
                .containsEntry("accepted", 15L)
                .containsEntry("completed", 5L)
                .containsEntry("dead_lettered", 3L)
                .containsEntry("discarded", 2L)
                .containsEntry("cancelled", 1L)
                .containsEntry("waiting", 4L)
                .containsEntry("running", 0L)
                .containsEntry("unaccounted", 0L);
        assertThat(number("select accepted from postrider.book_totals")).isEqualTo(15);
        assertThat(reconcile()).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(strings = {"background_tasks", "dead_letters", "task_history"})
    void a_deleted_row_is_named_with_its_workspace_whether_it_was_counted_or_not(String table) {
        for (boolean counted : new boolean[] {false, true}) {
            if (counted) {
                countAll();
            }
            String lost = someTask(table);
            SQL.update("delete from postrider.%s where task_id = ?::uuid".formatted(table), lost);

            awaitStatistics(table);
            assertThat(reconcile())
                    .singleElement()
                    .asString()
                    .contains(lost, workspace.toString(), "miss 1 of kind task");
            assertThat(open()).containsExactly("missing " + lost);
            assertThat(books()).containsEntry("unaccounted", 1L);
            assertThat(audited("books.unaccounted")).contains(lost);
            assertThat(reconcile()).as("said once").isEmpty();

            acknowledge(lost);
            assertThat(books()).containsEntry("unaccounted", 0L);
            assertThat(audited("books.acknowledged")).contains(lost).contains("we know");
            assertThat(reconcile()).isEmpty();
        }
    }

    @Test
    void a_deleted_row_that_ended_in_a_closed_partition_is_named() {
        String months = "now() - interval '70 days'";
        withPartitionOf(months);
        add(months, "completed", 50);
        add("now() - interval '3 hours'", "completed", 50);
        countAll();
        String lost = SQL.queryForObject(
                "select min(task_id::text) from postrider.task_history where completed_at < now() - interval '60 days'",
                String.class);

        SQL.update("delete from postrider.task_history where task_id = ?::uuid", lost);
        awaitStatistics();

        assertThat(reconcile()).singleElement().asString().contains(lost);
        assertThat(books()).containsEntry("unaccounted", 1L).containsEntry("completed", 104L);
        assertThat(reconcile()).isEmpty();
    }

    @Test
    void a_truncated_partition_is_noticed() {
        countAll();
        SQL.execute("truncate postrider.task_history");

        assertThat(reconcile()).singleElement().asString().contains("miss 8 of kind task");
        assertThat(books()).containsEntry("unaccounted", 8L);
    }

    @ParameterizedTest
    @ValueSource(strings = {"postrider.new_id()", "gen_random_uuid()"})
    void a_row_that_was_never_accepted_is_named_until_it_is_gone(String id) {
        countAll();
        String forged = SQL.queryForObject("""
                insert into postrider.background_tasks (task_id, workspace_id, task_type, ready) values (%s, ?, 'forged', true)
                returning task_id""".formatted(id), String.class, workspace);

        assertThat(reconcile()).singleElement().asString().contains(forged, "do not know 1");
        assertThat(books()).containsEntry("unaccounted", -1L);

        SQL.update("delete from postrider.background_tasks where task_id = ?::uuid", forged);
        assertThat(reconcile()).isEmpty();
        assertThat(open()).isEmpty();
        assertThat(books()).containsEntry("unaccounted", 0L);
        assertThat(audited("books.resolved")).contains(forged);
    }

    @Test
    void a_deleted_acceptance_is_named() {
        countAll();
        SQL.update("delete from postrider.accepted_log where cardinality(task_ids) = 5");
        awaitStatistics();

        assertThat(reconcile()).singleElement().asString().contains("do not know 5");
        assertThat(books()).containsEntry("unaccounted", -5L);
    }

    @Test
    void a_row_that_took_the_place_of_another_is_named_although_the_sums_agree() {
        countAll();
        String lost = someTask("task_history");
        String forged = SQL.queryForObject(
                "update postrider.task_history set task_id = postrider.new_id() where task_id = ?::uuid returning task_id",
                String.class,
                lost);
        awaitStatistics();

        assertThat(reconcile()).hasSize(2);
        assertThat(open()).containsExactlyInAnyOrder("missing " + lost, "unknown " + forged);
        assertThat(books().get("unaccounted")).isEqualTo(2L);
        acknowledge(lost);
        acknowledge(forged);
        assertThat(books()).containsEntry("unaccounted", 0L);
        assertThat(reconcile()).isEmpty();
    }

    @ParameterizedTest
    @CsvSource({"background_tasks, false", "dead_letters, true", "task_history, false", "task_history, true"})
    void what_is_restored_is_resolved_acknowledged_or_not(String table, boolean acknowledged) {
        countAll();
        String lost = someTask(table);
        SQL.execute(
                "drop table if exists public.saved; create table public.saved as select * from postrider.%s where task_id = '%s'"
                        .formatted(table, lost));
        SQL.update("delete from postrider.%s where task_id = ?::uuid".formatted(table), lost);
        awaitStatistics(table);
        assertThat(reconcile()).hasSize(1);
        if (acknowledged) {
            acknowledge(lost);
        }

        SQL.execute("insert into postrider.%s select * from public.saved".formatted(table));

        assertThat(reconcile()).isEmpty();
        assertThat(number("select count(*) from postrider.book_findings where resolved_at is null"))
                .isZero();
        assertThat(books()).containsEntry("unaccounted", 0L).containsEntry("accepted", 15L);
    }

    /** The newest transaction is at work while older ones have ended: no number that only tells of those is a bound. */
    @Test
    void what_a_long_transaction_inserts_is_counted_once_whenever_it_commits() throws SQLException {
        countAll();
        try (Connection open = DATABASE.connection()) {
            open.setAutoCommit(false);
            add(open, "now()", "completed", 7);
            for (int step = 0; step < 4; step++) {
                awaitSecond();
                keepBooks();
                add("now()", "waiting", 1);
                assertThat(books()).containsEntry("unaccounted", 0L);
            }
            add("now()", "completed", 1);
            add(open, "now()", "completed", 9);
            open.commit();
        }
        assertThat(books()).containsEntry("unaccounted", 0L).containsEntry("completed", 22L);
        countAll();

        assertThat(books()).containsEntry("unaccounted", 0L).containsEntry("completed", 22L);
        assertThat(number("select completed from postrider.book_totals")).isEqualTo(22);
    }

    @Test
    void two_nodes_count_nothing_twice() throws SQLException {
        keepBooks();
        awaitSecond();
        try (Connection one = DATABASE.connection()) {
            one.setAutoCommit(false);
            one.createStatement().execute("select postrider.keep_books()");
            assertThat(keepBooks()).isFalse();
            assertThat(reconcile()).isEmpty();
            one.commit();
        }
        countAll();

        assertThat(number("select accepted from postrider.book_totals")).isEqualTo(15);
        assertThat(books()).containsEntry("unaccounted", 0L);
    }

    @Test
    void a_step_whose_connection_is_cut_has_counted_nothing() throws SQLException {
        keepBooks();
        awaitSecond();
        keepBooks();
        awaitSecond();
        try (Connection one = DATABASE.connection();
                Statement statement = one.createStatement()) {
            one.setAutoCommit(false);
            statement.execute("select postrider.keep_books()");
            SQL.queryForList("""
                    select pg_terminate_backend(pid, 10000) from pg_stat_activity
                     where query = 'select postrider.keep_books()' and state = 'idle in transaction'""");
        }
        assertThat(books()).containsEntry("unaccounted", 0L);
        countAll();

        assertThat(number("select accepted from postrider.book_totals")).isEqualTo(15);
        assertThat(books()).containsEntry("unaccounted", 0L);
    }

    @Test
    void a_clock_that_was_set_back_leaves_the_books_right() {
        countAll();
        // As if all until now had happened while the clock was two hours ahead.
        SQL.update("update postrider.book_state set counted_until = counted_until + interval '2 hours'");
        add("now()", "completed", 6);
        add("now()", "waiting", 1);

        countAll();

        assertThat(books()).containsEntry("unaccounted", 0L).containsEntry("accepted", 22L);
    }

    @Test
    void a_row_dated_back_behind_what_was_counted_is_found_by_counting_again() {
        countAll();
        add("now() - interval '1 minute'", "waiting", 1);
        assertThat(books()).containsEntry("unaccounted", -1L);

        assertThat(reconcile()).isEmpty();

        assertThat(books()).containsEntry("unaccounted", 0L).containsEntry("accepted", 16L);
    }

    @Test
    void a_difference_that_no_id_explains_is_said_once() {
        countAll();
        SQL.update("update postrider.book_totals set accepted = accepted + 3");

        assertThat(reconcile()).singleElement().asString().contains(workspace.toString(), "differ by 3");
        assertThat(reconcile()).isEmpty();
        assertThat(books()).containsEntry("unaccounted", 3L);
    }

    @Test
    void partitions_that_are_counted_may_go_and_their_totals_stay() {
        String months = "now() - interval '70 days'";
        withPartitionOf(months);
        add(months, "completed", 50);
        assertThat(cover(months)).isFalse();
        countAll();
        assertThat(cover(months)).isTrue();
        assertThat(cover("now() + interval '1 day'")).isFalse();

        for (String parent : List.of("task_history", "accepted_log")) {
            SQL.execute("drop table postrider.%s_%s".formatted(parent, month(months)));
            assertThat(reconcile()).as(parent).isEmpty();
        }
        keepBooks();

        assertThat(books()).containsEntry("unaccounted", 0L).containsEntry("completed", 55L);
        assertThat(number("select count(*) from postrider.book_days"))
                .as("one day is left")
                .isOne();
    }

    @Test
    void a_workspace_sees_its_own_books_and_nothing_else() {
        UUID other = DATABASE.newWorkspace();
        add(other, "now()", "completed", 3);
        countAll();
        SQL.update("delete from postrider.background_tasks where task_id = ?::uuid", someTask("background_tasks"));
        SQL.update("delete from postrider.task_history where workspace_id = ?", other);
        awaitStatistics();
        reconcile();

        for (String what : List.of("accounting", "book_totals", "book_findings", "book_balances")) {
            List<UUID> seen = DATABASE.as(
                    "tenant",
                    workspace,
                    sql -> sql.queryForList("select distinct workspace_id from postrider." + what, UUID.class));
            assertThat(seen).as(what).containsExactly(workspace);
        }
        long unaccounted = DATABASE.as(
                "tenant", other, sql -> sql.queryForObject("select unaccounted from postrider.accounting", Long.class));
        assertThat(unaccounted).isEqualTo(3);
        int all = DATABASE.as(
                "analyst", null, sql -> sql.queryForObject("select count(*) from postrider.accounting", Integer.class));
        assertThat(all).isEqualTo(2);
    }

    @Test
    void what_cannot_be_acknowledged_is_refused_with_the_reason() {
        String lost = someTask("background_tasks");
        assertThatThrownBy(() -> acknowledge(lost)).hasMessageContaining("nothing was found about task " + lost);
        SQL.update("delete from postrider.background_tasks where task_id = ?::uuid", lost);
        reconcile();
        assertThatThrownBy(() -> DATABASE.as(
                        "operator",
                        null,
                        sql -> sql.queryForList(
                                "select postrider.acknowledge_finding(?, ?::uuid, ' ')", workspace, lost)))
                .hasMessageContaining("reason is missing");
        acknowledge(lost);
        assertThatThrownBy(() -> acknowledge(lost)).hasMessageContaining("is acknowledged already");
    }

    private static boolean keepBooks() {
        return DATABASE.as(
                "dispatcher", null, sql -> sql.queryForObject("select postrider.keep_books()", Boolean.class));
    }

    /** Until all that is there now is in the totals. */
    private static void countAll() {
        String now = SQL.queryForObject("select clock_timestamp()::text", String.class);
        await().until(() -> {
            keepBooks();
            return Boolean.TRUE.equals(SQL.queryForObject(
                    "select counted_until > ?::timestamptz and counted_until < now() from postrider.book_state",
                    Boolean.class,
                    now));
        });
    }

    /** Until a candidate of now is more than a second later than all that is there. */
    private static void awaitSecond() {
        String now = SQL.queryForObject("select clock_timestamp()::text", String.class);
        await().until(() -> SQL.queryForObject(
                "select clock_timestamp() > ?::timestamptz + interval '1.1 seconds'", Boolean.class, now));
    }

    /** As the route does in one run; returns what it logs. */
    private static List<String> reconcile() {
        List<String> remarks = new ArrayList<>();
        boolean more = true;
        for (int step = 0; more; step++) {
            assertThat(step).as("steps").isLessThan(1_000);
            boolean first = step == 0;
            List<Map<String, Object>> rows = DATABASE.as(
                    "dispatcher", null, sql -> sql.queryForList("select * from postrider.reconcile_books(?)", first));
            more = (boolean) rows.get(0).get("more");
            rows.stream()
                    .map(row -> (String) row.get("remark"))
                    .filter(remark -> remark != null)
                    .forEach(remarks::add);
        }
        return remarks;
    }

    /** PostgreSQL tells others what a session has deleted up to a second later. */
    private static void awaitStatistics(String changed) {
        if (changed.equals("task_history")) {
            awaitStatistics();
        }
    }

    private static void awaitStatistics() {
        await().until(() -> SQL.queryForObject("""
                select exists (select from postrider.book_partitions() p, postrider.book_state s
                                where s.seen ->> p.name is distinct from p.version)""", Boolean.class));
    }

    private Map<String, Object> books() {
        return SQL.queryForMap("select * from postrider.accounting where workspace_id = ?", workspace);
    }

    private List<String> open() {
        return SQL.queryForList(
                "select what || ' ' || task_id from postrider.book_findings where resolved_at is null and acknowledged_at is null",
                String.class);
    }

    private String audited(String eventType) {
        return SQL.queryForList(
                        "select payload::text from postrider.system_events where workspace_id = ? and event_type = ?",
                        String.class,
                        workspace,
                        eventType)
                .toString();
    }

    private void acknowledge(String task) {
        DATABASE.as(
                "operator",
                null,
                sql -> sql.queryForList(
                        "select postrider.acknowledge_finding(?, ?::uuid, 'we know')", workspace, task));
    }

    private static String someTask(String table) {
        return SQL.queryForObject("select min(task_id::text) from postrider." + table, String.class);
    }

    private static long number(String query) {
        return SQL.queryForObject(query, Long.class);
    }

    private static boolean cover(String time) {
        return DATABASE.as(
                "owner",
                null,
                sql -> sql.queryForObject(
                        "select postrider.books_cover(date_trunc('month', %s, 'UTC') + interval '1 month')"
                                .formatted(time),
                        Boolean.class));
    }

    private static String month(String time) {
        return SQL.queryForObject("select to_char((%s) at time zone 'UTC', 'YYYY_MM')".formatted(time), String.class);
    }

    /** And of all months since. */
    private static void withPartitionOf(String time) {
        SQL.execute("""
                set role postrider_owner;
                select postrider.make_partitions(parent, month at time zone 'UTC')
                  from unnest(array ['task_history', 'accepted_log']) parent,
                       generate_series(date_trunc('month', (%s) at time zone 'UTC'), now() at time zone 'UTC', interval '1 month') month order by month;
                reset role""".formatted(time));
    }

    private void add(String time, String status, int tasks) {
        add(workspace, time, status, tasks);
    }

    private static void add(UUID workspace, String time, String status, int tasks) {
        try (Connection connection = DATABASE.connection()) {
            add(connection, workspace, time, status, tasks);
        } catch (SQLException e) {
            throw new IllegalStateException(e);
        }
    }

    private void add(Connection connection, String time, String status, int tasks) throws SQLException {
        add(connection, workspace, time, status, tasks);
    }

    /** Tasks that were accepted at a time, and ended then; now() is that of each insertion, as of all that Postrider inserts. */
    private static void add(Connection connection, UUID workspace, String time, String status, int tasks)
            throws SQLException {
        String moment = time.equals("now()") ? "clock_timestamp()" : time;
        String made = "select workspace, id, %s as moment from unnest(array ['%s'::uuid]) workspace, ids"
                .formatted(time, workspace);
        String place = switch (status) {
            case "waiting" -> """
                    insert into postrider.background_tasks (workspace_id, task_id, created_at, task_type, ready)
                    select workspace, id, moment, 'books', false from made""";
            case "dead" -> """
                    insert into postrider.dead_letters (workspace_id, task_id, created_at, kind, task_type, priority_rank,
                        attempt_count, failure_count, reason, payload, attempts)
                    select workspace, id, moment, 'task', 'books', 0, 1, 1, 'test', '{}', '[]' from made""";
            default -> """
                    insert into postrider.task_history (workspace_id, task_id, created_at, kind, task_type, task_status,
                        priority_rank, scheduled_at, attempt_count, failure_count, completed_at, payload)
                    select workspace, id, moment, 'task', 'books', '%s', 0, moment, 1, 0, %s, '{}' from made""".formatted(status, moment);
        };
        try (Statement statement = connection.createStatement()) {
            statement.execute("""
                    with ids as (
                        select overlay(postrider.new_id()::text placing left(postrider.id_floor(%s)::text, 13) from 1)::uuid as id
                          from generate_series(1, %d)
                    ), made as materialized (%s), logged as (
                        insert into postrider.accepted_log (workspace_id, kind, task_ids, accepted_at)
                        select workspace, 'task', array_agg(id), %s from made group by workspace
                    ) %s""".formatted(moment, tasks, made, moment, place));
        }
    }
}
