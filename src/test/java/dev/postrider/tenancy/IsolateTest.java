package dev.postrider.tenancy;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.postrider.testkit.MigratedDatabase;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.sql.SQLWarning;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.springframework.jdbc.core.JdbcTemplate;

/** A team isolates its own tables, and its application works on them and on the queue in one transaction. */
class IsolateTest {

    private static final MigratedDatabase DATABASE = MigratedDatabase.create();
    private static final UUID ONE = DATABASE.newWorkspace();
    private static final UUID TWO = DATABASE.newWorkspace();
    private static final String MIGRATOR = "isolate_test_migrator";
    private static final String APPLICATION = "isolate_test_application";

    /** As docs/guides/isolation.md tells a team to do it. */
    @BeforeAll
    static void aTeamWithAMigratorAndAnApplication() {
        DATABASE.sql().execute("""
                create role %1$s login password 'test' in role postrider_producer;
                create role %2$s login password 'test' in role postrider_producer;
                create schema billing authorization %1$s;
                grant usage on schema billing to postrider_tenant, postrider_producer, postrider_analyst""".formatted(MIGRATOR, APPLICATION));
        migrate("""
                create table billing.invoices (
                    workspace_id uuid not null, invoice_id uuid default gen_random_uuid(), amount int,
                    primary key (workspace_id, invoice_id));
                create table billing.lines (
                    workspace_id uuid not null, line_id bigint generated always as identity, day date,
                    primary key (workspace_id, line_id, day)) partition by range (day);
                create table billing.lines_2026 partition of billing.lines for values from ('2026-01-01') to ('2027-01-01');
                select postrider.isolate('billing.invoices');
                select postrider.isolate('billing.lines')""");
    }

    @AfterAll
    static void dropTheTeam() {
        DATABASE.sql().execute("drop owned by %1$s, %2$s; drop role %1$s, %2$s".formatted(MIGRATOR, APPLICATION));
    }

    @Test
    void an_application_writes_its_row_and_a_task_in_one_transaction_and_sees_its_workspace_only() {
        for (UUID workspace : List.of(ONE, TWO)) {
            application(workspace, sql -> {
                sql.update(
                        "insert into billing.invoices (workspace_id, amount) values (postrider.active_workspace(), 7)");
                sql.queryForObject("select postrider.enqueue_task('send-invoice')", UUID.class);
            });
        }

        assertThat(invoicesAndWorkspaces(APPLICATION, "test", ONE)).isEqualTo("1 of 1");
        assertThat(invoicesAndWorkspaces(APPLICATION, "test", null)).isEqualTo("0 of 0");
        assertThat(invoicesAndWorkspaces(MIGRATOR, "test", TWO))
                .as("the owner is bound")
                .isEqualTo("1 of 1");
        assertThat(invoicesAndWorkspaces(
                        "postrider_tenant_login", DATABASE.secrets().rolePassword("tenant"), ONE))
                .isEqualTo("1 of 1");
        assertThat(invoicesAndWorkspaces(
                        "postrider_analyst_login", DATABASE.secrets().rolePassword("analyst"), null))
                .isEqualTo("2 of 2");
        assertThat(tasks("send-invoice")).isEqualTo(2);
    }

    @Test
    void the_owner_sees_the_workspace_that_it_names_though_it_is_in_no_group_of_ours() {
        DATABASE.sql().execute("""
                create role isolate_test_stranger login password 'test';
                create schema strange authorization isolate_test_stranger;
                create table strange.things (workspace_id uuid not null);
                insert into strange.things values ('%s'), ('%s');
                alter table strange.things owner to isolate_test_stranger;
                select postrider.isolate('strange.things')""".formatted(ONE, TWO));
        int seen = DATABASE.as(
                "isolate_test_stranger",
                "test",
                ONE,
                sql -> sql.queryForObject("select count(*) from strange.things", Integer.class));
        DATABASE.sql().execute("drop owned by isolate_test_stranger; drop role isolate_test_stranger");
        assertThat(seen).isOne();
    }

    @Test
    void a_rollback_takes_back_the_row_and_the_task() {
        assertThatThrownBy(() -> application(ONE, sql -> {
                    sql.update("insert into billing.invoices (workspace_id, amount) values (?, 8)", ONE);
                    sql.queryForObject("select postrider.enqueue_task('rolled-back')", UUID.class);
                    sql.update("insert into billing.invoices (workspace_id, amount) values (?, 8)", TWO);
                }))
                .rootCause()
                .hasMessageContaining("new row violates row-level security policy for table \"invoices\"");

        assertThat(DATABASE.sql()
                        .queryForObject("select count(*) from billing.invoices where amount = 8", Integer.class))
                .isZero();
        assertThat(tasks("rolled-back")).isZero();
    }

    @Test
    void called_again_it_changes_nothing_and_covers_new_columns_and_partitions() {
        String state = """
                select string_agg(concat(relname, relacl, relrowsecurity, relforcerowsecurity, attacl, policies), ' ' order by relname)
                  from pg_class c
                  left join lateral (select string_agg(a.attacl::text, '') as attacl from pg_attribute a where attrelid = c.oid) a on true
                  left join lateral (select string_agg(p::text, '' order by policyname) as policies
                                       from pg_policies p where schemaname = 'billing' and tablename = relname) p on true
                 where relnamespace = 'billing'::regnamespace""";
        String before = DATABASE.sql().queryForObject(state, String.class);
        migrate("select postrider.isolate('billing.invoices'); select postrider.isolate('billing.lines')");
        assertThat(DATABASE.sql().queryForObject(state, String.class)).isEqualTo(before);

        migrate("""
                alter table billing.invoices add note text;
                create table billing.lines_2027 partition of billing.lines for values from ('2027-01-01') to ('2028-01-01')""");
        assertThat(breaches()).contains("billing.lines_2027");
        migrate("select postrider.isolate('billing.invoices'); select postrider.isolate('billing.lines')");
        assertThat(breaches()).isEmpty();
        application(
                ONE,
                sql -> assertThat(sql.queryForList("select note from billing.invoices where false"))
                        .isEmpty());
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            create table billing.x (n int)                        | billing.x             | billing.x has no column "workspace_id uuid not null"
            create table billing.x (workspace_id uuid)            | billing.x             | billing.x has no column "workspace_id uuid not null"
            create table billing.x (workspace_id text not null)   | billing.x             | billing.x has no column "workspace_id uuid not null"
            create temp table x (workspace_id uuid not null)      | x                     | x is a temporary table
            create view billing.x as select * from billing.lines  | billing.x             | billing.x is a view
            select                                                | billing.lines_2026    | billing.lines_2026 is a partition
            select                                                | billing.invoices_pkey | billing.invoices_pkey is no table
            select                                                | postrider.deliveries  | must be owner of table deliveries
            """)
    void it_refuses(String made, String table, String answer) {
        assertThatThrownBy(() -> migrate(made + "; select postrider.isolate('" + table + "')"))
                .hasMessageContaining(answer);
    }

    @Test
    void it_warns_of_what_policies_cannot_mend() {
        DATABASE.sql().execute("create schema closed authorization " + MIGRATOR);
        assertThat(migrate("""
                        create table closed.parents (
                            id uuid primary key, workspace_id uuid not null, parent uuid references closed.parents);
                        create policy old on closed.parents using (true);
                        grant select (id) on closed.parents to postrider_producer;
                        select postrider.isolate('closed.parents')"""))
                .anyMatch(warning -> warning.contains("cannot reach"))
                .anyMatch(warning -> warning.contains("its policy old is of no known kind"))
                .anyMatch(warning -> warning.contains("unique index"))
                .anyMatch(warning -> warning.contains("foreign key parents_parent_fkey"))
                .anyMatch(warning -> warning.contains("privileges on single columns"))
                .anyMatch(warning -> warning.contains("no index that starts with workspace_id"));
        migrate("drop schema closed cascade");
    }

    private static void application(UUID workspace, java.util.function.Consumer<JdbcTemplate> work) {
        DATABASE.as(APPLICATION, "test", workspace, sql -> {
            work.accept(sql);
            return null;
        });
    }

    private static String invoicesAndWorkspaces(String login, String password, UUID workspace) {
        return DATABASE.as(
                login,
                password,
                workspace,
                sql -> sql.queryForObject(
                        "select count(*) || ' of ' || count(distinct workspace_id) from billing.invoices",
                        String.class));
    }

    /** Runs a migration of the team; returns what it was warned of. */
    private static List<String> migrate(String sql) {
        try (Connection connection =
                        DriverManager.getConnection(DATABASE.location().url(), MIGRATOR, "test");
                Statement statement = connection.createStatement()) {
            connection.setAutoCommit(false);
            statement.execute(sql);
            List<String> warnings = new ArrayList<>();
            do {
                for (SQLWarning warning = statement.getWarnings();
                        warning != null;
                        warning = warning.getNextWarning()) {
                    warnings.add(warning.getMessage());
                }
            } while (statement.getMoreResults() || statement.getUpdateCount() != -1);
            connection.commit();
            return warnings;
        } catch (SQLException e) {
            throw new IllegalStateException(e.getMessage(), e);
        }
    }

    private static int tasks(String type) {
        return DATABASE.sql()
                .queryForObject(
                        "select count(*) from postrider.background_tasks where task_type = ?", Integer.class, type);
    }

    private static List<String> breaches() {
        return DATABASE.sql().queryForList("select object from postrider.isolation_breaches", String.class);
    }
}
