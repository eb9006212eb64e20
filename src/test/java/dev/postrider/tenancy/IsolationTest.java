package dev.postrider.tenancy;

import static dev.postrider.testkit.RunningApplication.WORKSPACE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.postrider.testkit.RunningApplication;
import java.util.List;
import java.util.UUID;
import org.apache.camel.support.PluginHelper;
import org.apache.camel.support.ResourceHelper;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.springframework.dao.DataAccessException;
import org.springframework.jdbc.BadSqlGrammarException;
import org.springframework.jdbc.core.JdbcTemplate;

/** What one workspace can see of another: nothing; found out from the catalog, so that no new table is forgotten. */
class IsolationTest {

    /** Of its own: rows that nobody accepted would unbalance the books of others. */
    private static final RunningApplication APPLICATION = RunningApplication.start();

    private static UUID other;

    @AfterAll
    static void stop() {
        APPLICATION.close();
    }

    @BeforeAll
    static void rowsOfTwoWorkspacesInEveryTable() {
        other = APPLICATION.newWorkspace();
        for (UUID workspace : List.of(WORKSPACE, other)) {
            JdbcTemplate sql = APPLICATION.sql();
            for (String table : tablesWithWorkspaces()) {
                fill(sql, table, workspace);
            }
        }
    }

    @Test
    void without_a_workspace_the_tenant_sees_no_row_of_any_table() {
        for (String table : tablesWithWorkspaces()) {
            assertThat(rowsSeen(null, "select count(*) from postrider." + table))
                    .as(table)
                    .isIn(0, null);
        }
    }

    @Test
    void with_a_workspace_the_tenant_sees_its_rows_and_none_of_another() {
        for (String table : tablesWithWorkspaces()) {
            Integer foreign = rowsSeen(
                    WORKSPACE,
                    "select count(*) from postrider.%s where workspace_id <> '%s'".formatted(table, WORKSPACE));
            assertThat(foreign).as("foreign rows of " + table).isIn(0, null);
            assertThat(APPLICATION
                            .sql()
                            .queryForObject(
                                    "select count(*) from postrider.%s where workspace_id = '%s'"
                                            .formatted(table, other),
                                    Integer.class))
                    .as("rows that there were to see in " + table)
                    .isPositive();
        }
    }

    @Test
    void a_partition_named_directly_shows_no_row_even_to_a_role_that_may_read_it() {
        List<String> partitions = APPLICATION.sql().queryForList("""
                select inhrelid::regclass::text from pg_inherits
                  join pg_class c on c.oid = inhrelid and c.relnamespace = 'postrider'::regnamespace and c.relkind = 'r'
                """, String.class);
        assertThat(partitions).hasSizeGreaterThanOrEqualTo(20);
        for (String partition : partitions) {
            assertThatThrownBy(() -> APPLICATION.as(
                            "tenant",
                            WORKSPACE,
                            sql -> sql.queryForObject("select count(*) from " + partition, Integer.class)))
                    .as(partition)
                    .isInstanceOf(BadSqlGrammarException.class)
                    .rootCause()
                    .hasMessageContaining("permission denied");
            APPLICATION.sql().execute("grant select on %s to postrider_tenant".formatted(partition));
            try {
                assertThat(rowsSeen(null, "select count(*) from " + partition))
                        .as(partition)
                        .isZero();
                assertThat(rowsSeen(
                                WORKSPACE,
                                "select count(*) from %s where workspace_id <> '%s'".formatted(partition, WORKSPACE)))
                        .as(partition)
                        .isZero();
            } finally {
                APPLICATION.sql().execute("revoke select on %s from postrider_tenant".formatted(partition));
            }
        }
    }

    @Test
    void a_tenant_can_write_no_row_for_another_workspace() {
        assertThatThrownBy(() -> APPLICATION.as(
                        "tenant",
                        WORKSPACE,
                        sql -> sql.update("insert into workspace_assets (workspace_id, name) values (?, 'x')", other)))
                .rootCause()
                .hasMessageContaining("row-level security");
    }

    @Test
    void a_route_that_would_commit_in_another_workspace_is_rolled_back() throws Exception {
        // By Camel itself: the lint refuses this SQL.
        PluginHelper.getRoutesLoader(APPLICATION.camel())
                .loadRoutes(ResourceHelper.fromString("isolation-jump.camel.yaml", """
                - beans:
                    - name: neverAgain
                      type: dev.postrider.queue.DurableRedeliveryPolicy
                      properties: {maximumRedeliveries: 0}
                - route:
                    id: isolation-jump
                    description: A handler whose SQL leaves its workspace.
                    from:
                      uri: kamelet:task-source
                      parameters: {taskType: isolation-jump, redeliveryPolicy: neverAgain}
                      steps:
                        - to: direct:isolation-jump.inside
                - route:
                    id: isolation-jump.inside
                    description: Leaves the workspace.
                    from:
                      uri: direct:isolation-jump.inside
                      steps:
                        - transacted: {ref: workspace}
                        - to: {uri: "sql:classpath:isolation-jump.sql", parameters: {dataSource: "#tenant"}}
                """));

        String task = APPLICATION.enqueue("isolation-jump", "{}");

        assertThat(APPLICATION.awaitTask(task, "dead").text("/lastError")).contains("rolled back");
        assertThat(APPLICATION
                        .sql()
                        .queryForObject(
                                "select count(*) from postrider.workspace_assets where name = 'jumped'", Integer.class))
                .isZero();
    }

    @Test
    void another_workspaces_ids_answer_404_as_if_they_did_not_exist() {
        String task = APPLICATION.enqueue("isolation-nobody", "{}");
        String foreignKey = APPLICATION.newKey(other);

        var foreign = APPLICATION.send(foreignKey, "GET", "/v1/tasks/" + task, null);
        var missing = APPLICATION.send(foreignKey, "GET", "/v1/tasks/" + UUID.randomUUID(), null);

        assertThat(foreign.status()).isEqualTo(404);
        assertThat(foreign.body()).isEqualTo(missing.body());
        assertThat(APPLICATION
                        .send(foreignKey, "DELETE", "/v1/tasks/" + task, null)
                        .status())
                .isEqualTo(404);
    }

    private static List<String> tablesWithWorkspaces() {
        return APPLICATION.sql().queryForList("""
                select c.relname from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attname = 'workspace_id'
                 where c.relnamespace = 'postrider'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
                 order by 1""", String.class);
    }

    /** How many rows; null if the tenant may not read the table at all. */
    private static Integer rowsSeen(UUID workspace, String query) {
        try {
            return APPLICATION.as("tenant", workspace, sql -> sql.queryForObject(query, Integer.class));
        } catch (DataAccessException e) {
            assertThat(e).rootCause().hasMessageContaining("permission denied");
            return null;
        }
    }

    /** One row with any valid values: what matters is whose it is. */
    private static void fill(JdbcTemplate sql, String table, UUID workspace) {
        if (sql.queryForObject(
                        "select count(*) from postrider.%s where workspace_id = ?".formatted(table),
                        Integer.class,
                        workspace)
                > 0) {
            return;
        }
        List<String> columns = sql.queryForList("""
                select attname || ' ' || case
                         when attname = 'workspace_id' then quote_literal(?::text)
                         when attname = 'kind' then '''task'''
                         when attname = 'task_status' then case when attrelid = 'postrider.task_history'::regclass then '''completed''' else '''queued''' end
                         when attname = 'category' then '''audit'''
                         when attname = 'erasure_status' then '''completed''' -- or the rows would be erased meanwhile
                         when attname = 'what' then '''missing'''
                         when atttypid = 'date'::regtype then 'now()'
                         when attname = 'action' then '''replay'''
                         when attname = 'verdict' then '''applied'''
                         when attname = 'scopes' then '''{inspect}'''
                         when attname = 'key_hash' then 'sha256(gen_random_uuid()::text::bytea)'
                         when attname = 'ready' then 'false'
                         when attname = 'scheduled_at' then '''2040-01-01'''
                         when attname = 'source_key' then 'gen_random_uuid()::text'
                         when atttypid = 'uuid'::regtype then 'gen_random_uuid()'
                         when atttypid = 'uuid[]'::regtype then '''{}'''
                         when atttypid = 'text[]'::regtype then '''{x}'''
                         when atttypid = 'jsonb'::regtype then '''{}'''
                         when atttypid = 'bytea'::regtype then '''x'''
                         when atttypid = 'timestamptz'::regtype then 'now()'
                         when attname = 'every' then '1000'
                         when atttypid in ('int'::regtype, 'bigint'::regtype) then '1'
                         when atttypid = 'boolean'::regtype then 'false'
                         else '''x''' end
                  from pg_attribute
                 where attrelid = ('postrider.' || ?)::regclass and attnum > 0 and (attnotnull or attname = 'every') and not attisdropped
                   and (not atthasdef or attname in ('scheduled_at', 'category', 'erasure_status'))""", String.class, workspace.toString(), table);
        String names = columns.stream()
                .map(column -> column.substring(0, column.indexOf(' ')))
                .reduce((a, b) -> a + ", " + b)
                .orElseThrow();
        String values = columns.stream()
                .map(column -> column.substring(column.indexOf(' ') + 1))
                .reduce((a, b) -> a + ", " + b)
                .orElseThrow();
        sql.execute("select set_config('app.active_workspace', '%s', true); insert into postrider.%s (%s) values (%s)"
                .formatted(workspace, table, names, values));
    }
}
