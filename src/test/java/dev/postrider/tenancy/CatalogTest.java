package dev.postrider.tenancy;

import static org.assertj.core.api.Assertions.assertThat;

import dev.postrider.testkit.MigratedDatabase;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import org.assertj.core.api.SoftAssertions;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * The view {@code isolation_breaches} finds nothing, and would find something: every protection of every table is taken
 * away in turn, in transactions that are rolled back.
 */
class CatalogTest {

    private static final MigratedDatabase DATABASE = MigratedDatabase.create();

    private static Connection connection;

    /** A team's tables in a schema of their own count as much as ours. */
    @BeforeAll
    static void withTheTablesOfATeam() throws SQLException {
        connection = DriverManager.getConnection(
                DATABASE.location().url(),
                DATABASE.location().username(),
                DATABASE.location().password());
        execute("""
                create schema billing;
                grant usage on schema billing to postrider_tenant, postrider_producer;
                create table billing.invoices (
                    invoice_id uuid, workspace_id uuid not null, primary key (workspace_id, invoice_id));
                create table billing.lines (
                    workspace_id uuid not null, line_id bigint generated always as identity, day date,
                    primary key (workspace_id, line_id, day)) partition by range (day);
                create table billing.lines_2026 partition of billing.lines for values from ('2026-01-01') to ('2027-01-01');
                select postrider.isolate('billing.invoices'), postrider.isolate('billing.lines')""");
        connection.setAutoCommit(false);
    }

    @AfterAll
    static void disconnect() throws SQLException {
        connection.close();
    }

    @Test
    void nothing_breaks_the_rule_of_isolation() throws SQLException {
        assertThat(breaches()).isEmpty();
    }

    @Test
    void what_is_excused_is_this_and_no_more() throws SQLException {
        assertThat(strings("""
                select objoid::regclass from pg_description
                 where classoid = 'pg_class'::regclass and objsubid = 0 and description like '%Across workspaces: %'"""))
                .containsExactlyInAnyOrder(
                        "postrider.task_types",
                        "postrider.worker_nodes",
                        "postrider.retention_settings",
                        "postrider.partition_drops",
                        "postrider.book_state",
                        "postrider.flyway_schema_history",
                        "postrider.api_keys_pkey",
                        "postrider.api_keys_key_hash_key",
                        "postrider.webhook_sources_source_key_key");
    }

    @Test
    void no_protection_of_any_table_or_partition_can_be_taken_away_unnoticed() throws SQLException {
        List<String> tables = strings("""
                select format('%I.%I', relnamespace::regnamespace, relname) from pg_class c
                 where relnamespace in ('postrider'::regnamespace, 'billing'::regnamespace) and relkind in ('r', 'p')
                   and exists (select from pg_attribute where attrelid = c.oid and attname = 'workspace_id')""");
        assertThat(tables).hasSizeGreaterThanOrEqualTo(40).contains("billing.lines_2026");
        SoftAssertions all = new SoftAssertions();
        for (String table : tables) {
            List<String> breaks = new ArrayList<>(List.of(
                    "alter table %s disable row level security",
                    "alter table %s no force row level security",
                    "alter policy own_workspace on %s using (workspace_id = nullif(current_setting('app.active_workspace', true), '')::uuid)",
                    "alter policy own_workspace on %s with check (true)",
                    "alter policy own_workspace on %s to public",
                    "create policy another on %s for select to postrider_tenant using (true)",
                    "grant truncate on %s to postrider_tenant",
                    "grant select on %s to public"));
            for (String policy : strings("select polname from pg_policy where polrelid = '" + table + "'::regclass")) {
                if (!(table.startsWith("billing") && policy.equals("engine"))) {
                    breaks.add("drop policy " + policy + " on %s");
                }
            }
            for (String broken : breaks) {
                String sql = broken.formatted(table);
                all.assertThat(objectsAfter(sql)).as(sql).contains(table);
            }
        }
        all.assertAll();
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            view without security_invoker | alter view postrider.tasks reset (security_invoker) | postrider.tasks
            a view of a team without it | create view billing.open as select * from billing.invoices; grant select on billing.open to postrider_producer | billing.open
            a view on a view | create view billing.one with (security_invoker = true) as table billing.invoices; create view billing.two as table billing.one; grant select on billing.two to postrider_tenant | billing.two
            a view over a table that nobody isolated | create table billing.drafts (workspace_id uuid); create view billing.open_drafts as table billing.drafts; grant select on billing.open_drafts to postrider_tenant | billing.open_drafts
            a view for one login | create view billing.open as table billing.invoices; grant select on billing.open to postrider_tenant_login | billing.open
            materialized view | create materialized view postrider.totals as select count(*) from postrider.background_tasks | postrider.totals
            materialized view over a table that nobody isolated | create table billing.drafts (workspace_id uuid); create materialized view billing.counts as select count(*) from billing.drafts; grant select on billing.counts to postrider_tenant | billing.counts
            materialized view over a function | create materialized view billing.ids as select postrider.workspace_ids(); grant select on billing.ids to postrider_producer | billing.ids
            view on a materialized view over a function | create materialized view billing.ids as select postrider.workspace_ids(); create view billing.all_ids as table billing.ids; grant select on billing.all_ids to postrider_tenant | billing.all_ids
            function that everybody may execute | grant execute on function postrider.sweep_keys to public | function postrider.sweep_keys()
            function of the engine for tenants | grant execute on function postrider.resolve_api_key to postrider_tenant | function postrider.resolve_api_key(key_hash bytea)
            function of the engine for applications | grant execute on function postrider.workspace_ids to postrider_producer | function postrider.workspace_ids()
            function of the engine for analysts | grant execute on function postrider.sweep_keys to postrider_analyst | function postrider.sweep_keys()
            function of the engine for one login | grant execute on function postrider.sweep_keys to postrider_tenant_login | function postrider.sweep_keys()
            function of the engine by way of another role | create role sweeper; grant sweeper to postrider_tenant_login; grant execute on function postrider.sweep_keys to sweeper | function postrider.sweep_keys()
            function of a superuser | alter function postrider.on_tasks_died owner to postgres | function postrider.on_tasks_died()
            table of another owner | alter table postrider.worker_nodes owner to postrider_dispatcher | postrider.worker_nodes
            definer without a search_path | alter function postrider.sweep_keys reset search_path | function postrider.sweep_keys()
            definer that searches temporary tables first | alter function postrider.sweep_keys set search_path = pg_temp, postrider | function postrider.sweep_keys()
            definer without a reason | comment on function postrider.sweep_keys is 'Sweeps.' | function postrider.sweep_keys()
            definer of a team | create function billing.everything() returns setof billing.invoices language sql security definer return (select i from billing.invoices i) | function billing.everything()
            definer for one login | create function billing.all_of_them() returns bigint language sql security definer set search_path = billing, pg_temp return (select count(*) from billing.invoices); revoke execute on function billing.all_of_them from public; grant execute on function billing.all_of_them to postrider_tenant_login | function billing.all_of_them()
            definer as a trigger | create function billing.spy() returns trigger language plpgsql security definer set search_path = billing, pg_temp as 'begin return new; end'; revoke execute on function billing.spy from public; create trigger spy before insert on postrider.workspace_assets for each row execute function billing.spy() | function billing.spy()
            function without a comment | comment on function postrider.page is null | function postrider.page(items jsonb[], ids uuid[], size integer)
            leakproof function | alter function postrider.id_time leakproof | function postrider.id_time(id uuid)
            # A session keeps the case in which it first met a setting: capitals first.
            function with a workspace in capitals | alter function postrider.page set "APP.active_workspace" = '0' | function postrider.page(items jsonb[], ids uuid[], size integer)
            function with a workspace of its own | alter function postrider.page set app.active_workspace = '0' | function postrider.page(items jsonb[], ids uuid[], size integer)
            partition made by hand | create table postrider.by_hand partition of postrider.task_history for values from ('2001-01-01') to ('2001-02-01') | postrider.by_hand
            partition of a team made by hand | create table billing.by_hand partition of billing.lines for values from ('2001-01-01') to ('2001-02-01') | billing.by_hand
            partition that a tenant may name | grant select on billing.lines_2026 to postrider_tenant | billing.lines_2026
            sequence that a tenant may read | grant select on sequence postrider.ordering_seq to postrider_tenant | postrider.ordering_seq
            sequence of a team | grant usage on sequence billing.lines_line_id_seq to postrider_producer | billing.lines_line_id_seq
            privilege on a column | grant select (payload) on postrider.dead_letters to postrider_dispatcher | postrider.dead_letters
            privilege that may be granted on | grant select on postrider.dead_letters to postrider_tenant with grant option | postrider.dead_letters
            privilege of one login | grant truncate on postrider.background_tasks to postrider_tenant_login | postrider.background_tasks
            privilege of an application's login | create role app in role postrider_producer; grant references on billing.invoices to app | billing.invoices
            privilege on a column of one login | grant select (payload) on postrider.dead_letters to postrider_dispatcher_login | postrider.dead_letters
            unique key across workspaces | create unique index on postrider.webhook_endpoints (url) | postrider.webhook_endpoints
            primary key across workspaces | alter table postrider.workspace_assets drop constraint workspace_assets_pkey, add primary key (asset_id) | postrider.workspace_assets
            foreign key across workspaces | alter table billing.invoices add unique (invoice_id), add of uuid references billing.invoices (invoice_id) | billing.invoices
            table without a workspace | create table postrider.notes (note text) | postrider.notes
            table that tenants write for all | grant update on postrider.task_types to postrider_tenant | postrider.task_types
            table that one login writes for all | grant update on postrider.task_types to postrider_tenant_login | postrider.task_types
            table of a team that was never isolated | create table billing.notes (workspace_id uuid); grant select on billing.notes to postrider_tenant | billing.notes
            table that was never isolated for one login | create table billing.notes (workspace_id uuid); grant select on billing.notes to postrider_tenant_login | billing.notes
            table that was never isolated by way of another role | create role reader; create table billing.notes (workspace_id uuid); grant select on billing.notes to reader; grant reader to postrider_tenant_login with inherit false | billing.notes
            right to make tables | grant create on schema postrider to postrider_tenant | schema postrider
            default privileges | alter default privileges for role postrider_owner grant select on tables to postrider_tenant | default privileges of postrider_owner
            default privileges of the engine | alter default privileges for role postrider_engine grant execute on functions to public | default privileges of postrider_engine
            login in two groups | grant postrider_analyst to postrider_tenant_login | role postrider_tenant_login
            login in two groups by way of another | create role two; grant postrider_analyst, postrider_producer to two | role two
            member of the engine | create role inside in role postrider_engine | role inside
            group in another group | grant postrider_analyst to postrider_producer | role postrider_producer
            group of a superuser | grant postgres to postrider_tenant | role postrider_tenant
            login of a role that bypasses policies | create role bk bypassrls; create role app in role postrider_producer, bk | role app
            login of a role that is in a predefined one | create role readers in role pg_read_all_data; create role app in role postrider_producer, readers | role app
            login that may give himself a predefined role | grant pg_read_all_data to postrider_tenant_login with admin true, inherit false, set false | role postrider_tenant_login
            group that can log in | alter role postrider_engine login | role postrider_engine
            group that bypasses policies | alter role postrider_analyst bypassrls | role postrider_analyst
            superuser in a group | create role almighty superuser in role postrider_producer | role almighty
            role with a workspace of its own | alter role postrider_tenant_login set app.active_workspace = '00000000-0000-7000-8000-0000000000de' | role postrider_tenant_login
            role with a workspace in capitals | alter role postrider_tenant_login set "APP.active_workspace" = '0' | role postrider_tenant_login
            """)
    void it_is_noticed(String what, String broken, String object) throws SQLException {
        assertThat(objectsAfter(broken)).as(what).contains(object);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            an owner's own grants | create role migrator in role postrider_producer; alter table billing.invoices owner to migrator; select postrider.isolate('billing.invoices')
            a team's table for itself | create role migrator in role postrider_producer; create table billing.drafts (workspace_id uuid); alter table billing.drafts owner to migrator; grant select on billing.drafts to migrator; create view billing.open_drafts as table billing.drafts; alter view billing.open_drafts owner to migrator
            a view over a table without workspaces | create table billing.rates (rate numeric); create view billing.all_rates as table billing.rates; grant select on billing.all_rates to postrider_tenant
            a materialized view that says why | create materialized view billing.ids as select postrider.workspace_ids(); comment on materialized view billing.ids is 'Across workspaces: numbers only.'; grant select on billing.ids to postrider_tenant
            a function of the engine that says why | comment on function postrider.gauges is 'Definer: counts. Across workspaces: shows no row.'; grant execute on function postrider.gauges to postrider_analyst
            a trigger with the caller's rights | create function billing.stamp() returns trigger language plpgsql as 'begin return new; end'; create trigger stamp before insert on billing.invoices for each row execute function billing.stamp()
            who made the roles | create role creator createrole; grant postrider_owner, postrider_engine, postrider_tenant, postrider_tenant_login to creator with admin true, inherit false, set false; grant pg_monitor to creator
            """)
    void it_is_no_breach(String what, String sql) throws SQLException {
        assertThat(objectsAfter(sql)).as(what).isEmpty();
    }

    private static List<String> objectsAfter(String broken) throws SQLException {
        try {
            execute(broken);
            return strings("select object from postrider.isolation_breaches");
        } finally {
            connection.rollback();
        }
    }

    private static List<String> breaches() throws SQLException {
        return strings(
                "select format('%s %s. To mend it: %s', object, breach, remedy) from postrider.isolation_breaches");
    }

    private static void execute(String sql) throws SQLException {
        try (Statement statement = connection.createStatement()) {
            statement.execute(sql);
        }
    }

    private static List<String> strings(String sql) throws SQLException {
        List<String> found = new ArrayList<>();
        try (Statement statement = connection.createStatement();
                ResultSet rows = statement.executeQuery(sql)) {
            while (rows.next()) {
                found.add(rows.getString(1));
            }
        }
        return found;
    }
}
