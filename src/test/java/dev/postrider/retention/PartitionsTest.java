package dev.postrider.retention;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.postrider.testkit.MigratedDatabase;
import java.sql.Connection;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.springframework.jdbc.core.JdbcTemplate;

/** How partitions come to be: ahead of time, or before the insert that needs one. */
class PartitionsTest {

    private static final List<String> TABLES =
            List.of("accepted_log", "delivery_attempts", "inbound_receipts", "system_events", "task_history");

    private static MigratedDatabase database;
    private static JdbcTemplate sql;
    private static UUID workspace;

    @BeforeAll
    static void migrate() {
        database = MigratedDatabase.create();
        sql = database.sql();
        workspace = database.newWorkspace();
    }

    @BeforeEach
    void reset() throws Exception {
        dropAll();
        asOwner("update postrider.retention_settings set partition_by = 'month', ahead = 3, keep_days = 400");
        asOwner("select postrider.ensure_partitions()");
    }

    @Test
    void each_partitioned_table_has_its_setting_and_partitions_of_this_month_and_the_next_three() {
        assertThat(sql.queryForList("select table_name from postrider.retention_settings order by 1", String.class))
                .isEqualTo(TABLES);
        assertThat(sql.queryForList("""
                select distinct count(*) filter (where starts = postrider.period_after('month', now(), n)) over (partition by n)
                  from generate_series(0, 3) n, postrider.partitions""", Integer.class)).containsExactly(TABLES.size());
        assertThat(sql.queryForObject("select count(*) from postrider.partitions", Integer.class))
                .isEqualTo(4 * TABLES.size());
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "enqueue_task('x')",
                "publish_event('order.changed', '{}')",
                "enqueue_tasks('[{\"taskType\": \"x\"}, {\"taskType\": \"x\"}]')"
            })
    void an_insert_that_finds_no_partition_makes_it(String call) {
        dropAll();
        List<?> answer = database.as("tenant", workspace, tenant -> tenant.queryForList("select postrider." + call));
        assertThat(answer).hasSize(1);
        assertMadeLateOnce();
    }

    @Test
    void what_operators_do_makes_its_partition_too() {
        dropAll();
        database.as(
                "operator", null, operator -> operator.queryForList("select postrider.pause_task_type('x', 'a test')"));
        assertMadeLateOnce();
    }

    @Test
    void an_end_of_a_task_that_finds_no_partition_makes_it() {
        String task = enqueue();
        dropAll();
        sql.update(
                "update postrider.background_tasks set task_status = 'processing', worker_id = 'me', attempt_count = 1, ready = false");
        int written = database.as(
                "dispatcher",
                null,
                dispatcher -> dispatcher.queryForObject(
                        "select written from postrider.finish_tasks('me', array [?]::uuid[], array [?]::uuid[], array [1])",
                        Integer.class,
                        workspace.toString(),
                        task));
        assertThat(written).isEqualTo(1);
        assertMadeLateOnce();
    }

    @Test
    void many_that_find_no_partition_at_the_same_moment_make_it_once() {
        dropAll();
        int before = madeLate();
        ExecutorService pool = Executors.newFixedThreadPool(16);
        List<CompletableFuture<String>> all = new ArrayList<>();
        for (int i = 0; i < 64; i++) {
            all.add(CompletableFuture.supplyAsync(PartitionsTest::enqueue, pool));
        }
        assertThat(all).extracting(CompletableFuture::join).doesNotHaveDuplicates();
        pool.shutdown();
        assertThat(madeLate()).isEqualTo(before + 1);
    }

    @Test
    void whoever_rolls_back_leaves_it_to_the_next() throws Exception {
        dropAll();
        try (Connection connection = database.connection()) {
            connection.setAutoCommit(false);
            connection
                    .createStatement()
                    .execute("select set_config('app.active_workspace', '%s', true)".formatted(workspace));
            connection.createStatement().execute("select postrider.enqueue_task('x')");
            connection.rollback();
        }
        assertThat(enqueue()).isNotNull();
        assertMadeLateOnce();
    }

    @Test
    void by_day_and_by_month_again_there_is_no_gap_and_no_overlap() throws Exception {
        setRetention("system_events", "day", 120);
        asOwner("select postrider.ensure_partitions()");
        assertThat(count("system_events")).isBetween(4 + 27, 4 + 35);
        setRetention("system_events", "month", 12);
        asOwner("select postrider.ensure_partitions()");
        assertContiguous();
        assertThat(sql.queryForList(
                        "select partition_name from postrider.partitions where table_name = 'system_events' and until - starts < '27 days'",
                        String.class))
                .as("by day")
                .isNotEmpty()
                .allMatch(name -> name.matches("system_events_\\d{4}_\\d{2}_\\d{2}"));
    }

    @Test
    void a_partition_that_somebody_dropped_is_made_again() throws Exception {
        sql.execute(sql.queryForObject(
                "select format('drop table postrider.%I', partition_name) from postrider.partitions where table_name = 'task_history' order by starts limit 1",
                String.class));
        assertThat(sql.queryForList("select statement from postrider.next_retention_step('{}')", String.class))
                .containsExactly("select postrider.make_partitions('task_history')");
        asOwner("select postrider.make_partitions('task_history')");
        assertThat(count("task_history")).isEqualTo(4);
        assertContiguous();
    }

    @Test
    void what_others_made_meanwhile_is_part_of_the_range() throws Exception {
        dropAll();
        asOwner("""
                select postrider.make_partition('postrider.task_history', postrider.period_after('month', now(), 2),
                                                postrider.period_after('month', now(), 3))""");
        enqueue();
        assertContiguous();
        assertThat(count("task_history")).isEqualTo(4);
    }

    /** Also the indexes that the parent has, each valid and attached. */
    @Test
    void a_partition_has_the_indexes_of_its_parent() {
        assertThat(sql.queryForList("""
                select p.partition_name from postrider.partitions p
                 where (select count(*) from pg_index where indrelid = format('postrider.%I', p.partition_name)::regclass and indisvalid)
                    <> (select count(*) from pg_index where indrelid = format('postrider.%I', p.table_name)::regclass)""")).isEmpty();
    }

    @Test
    void nobody_changes_or_removes_rows_of_the_event_log() {
        database.as(
                "tenant",
                workspace,
                tenant -> tenant.queryForList("select postrider.publish_event('order.changed', '{}')"));
        String partition = sql.queryForObject(
                "select tableoid::regclass::text from postrider.system_events limit 1", String.class);
        for (String role : List.of("owner", "tenant", "dispatcher", "operator", "analyst")) {
            for (String attempt : List.of("update %s set payload = '{}'", "delete from %s", "truncate %s")) {
                for (String table : List.of("postrider.system_events", partition)) {
                    assertThatThrownBy(
                                    () -> database.as(role, workspace, jdbc -> jdbc.update(attempt.formatted(table))))
                            .as(role + ": " + attempt.formatted(table))
                            .rootCause()
                            .hasMessageContaining("permission denied");
                }
            }
        }
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            task_history  | 0      | keepDays has to be 1 to 36500, and not 0; null keeps for ever
            task_history  | -1     | keepDays has to be 1 to 36500, and not -1; null keeps for ever
            task_history  | 99999  | keepDays has to be 1 to 36500, and not 99999; null keeps for ever
            task_history  | 5      | keepDays 5 is less than the 8 days for which some redelivery policy tries again
            billing_events | 400   | billing_events is no partitioned table
            """)
    void a_retention_that_cannot_be_is_refused(String table, int days, String message) {
        sql.update(
                "insert into postrider.task_types (task_type, maximum_redeliveries, maximum_redelivery_delay, published_at)"
                        + " values ('slow', 7, 90000000, now()) on conflict do nothing");
        assertThatThrownBy(() -> database.as(
                        "operator",
                        null,
                        operator ->
                                operator.queryForList("select postrider.set_retention(?, ?, 'a test')", table, days)))
                .rootCause()
                .hasMessageContaining(message);
    }

    @Test
    void a_retention_is_changed_with_a_reason_and_audited() {
        assertThatThrownBy(() -> database.as(
                        "operator",
                        null,
                        operator -> operator.queryForList("select postrider.set_retention('task_history', 100, ' ')")))
                .rootCause()
                .hasMessageContaining("reason is missing");
        database.as(
                "operator",
                null,
                operator -> operator.queryForList("select postrider.set_retention('task_history', 100, 'the disk')"));
        assertThat(sql.queryForObject(
                        "select payload::text from postrider.system_events where event_type = 'retention.changed' order by event_id desc limit 1",
                        String.class))
                .contains("\"reason\": \"the disk\"", "\"keepDays\": 400", "\"keepDays\": 100");
        database.as(
                "operator",
                null,
                operator ->
                        operator.queryForList("select postrider.set_retention('task_history', null, 'a bigger one')"));
        assertThat(sql.queryForObject(
                        "select keep_days from postrider.retention_settings where table_name = 'task_history'",
                        Integer.class))
                .isNull();
    }

    private void setRetention(String table, String partitionBy, int ahead) {
        database.as(
                "operator",
                null,
                operator -> operator.queryForList(
                        "select postrider.set_retention(?, 400, 'a test', ?, ?)", table, partitionBy, ahead));
    }

    private static void assertMadeLateOnce() {
        assertThat(madeLate()).isEqualTo(1);
        assertContiguous();
    }

    private static int madeLate() {
        return sql.queryForObject(
                "select count(*) from postrider.system_events where event_type = 'partitions.made-late'",
                Integer.class);
    }

    private static void assertContiguous() {
        assertThat(sql.queryForList("""
                select * from (select table_name, starts, lag(until) over (partition by table_name order by starts) as before
                                 from postrider.partitions) p where before <> starts""")).isEmpty();
        assertThat(sql.queryForList("""
                select s.* from postrider.retention_settings s join postrider.partitions p using (table_name)
                 group by s.table_name having made_from <> min(starts) or made_until <> max(until)""")).isEmpty();
    }

    private static int count(String table) {
        return sql.queryForObject(
                "select count(*) from postrider.partitions where table_name = ?", Integer.class, table);
    }

    /** As if nobody had been here for months. */
    private static void dropAll() {
        sql.queryForList(
                        "select format('drop table postrider.%I', partition_name) from postrider.partitions",
                        String.class)
                .forEach(sql::execute);
        sql.update("update postrider.retention_settings set made_from = '2020-01-01Z', made_until = '2020-02-01Z'");
    }

    private static String enqueue() {
        return database.as(
                "tenant",
                workspace,
                tenant -> tenant.queryForObject("select postrider.enqueue_task('x')", String.class));
    }

    private static void asOwner(String statement) throws Exception {
        try (Connection connection = database.owner().open()) {
            connection.createStatement().execute(statement);
        }
    }
}
