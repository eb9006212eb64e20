package dev.postrider.tenancy;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.postrider.testkit.MigratedDatabase;
import java.util.List;
import java.util.UUID;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What each role may do, all of it, and that it may do nothing else. */
class RolesTest {

    private static final MigratedDatabase DATABASE = MigratedDatabase.create();
    private static final UUID MINE = DATABASE.newWorkspace();
    private static final UUID OTHER = DATABASE.newWorkspace();
    private static final String PRODUCER = "roles_test_application";

    @BeforeAll
    static void rowsAndAnApplication() {
        DATABASE.sql().execute("create role %s login password 'test' in role postrider_producer".formatted(PRODUCER));
        for (UUID workspace : List.of(MINE, OTHER)) {
            DATABASE.as("tenant", workspace, sql -> sql.update("""
                    insert into postrider.workspace_assets (workspace_id, name)
                    select postrider.active_workspace(), 'asset ' || n || ' of ' || postrider.active_workspace()
                      from generate_series(1, 100) n"""));
            DATABASE.as(
                    "tenant",
                    workspace,
                    sql -> sql.queryForObject("select postrider.enqueue_task('nobody')", String.class));
        }
        DATABASE.sql().execute("analyze");
    }

    @AfterAll
    static void dropTheApplication() {
        DATABASE.sql().execute("drop role " + PRODUCER);
    }

    /** r: select, a: insert, w: update, d: delete, !: anything else. The owner is left out: it makes the tables. */
    @Test
    void tables_are_granted_as_little_as_works() {
        assertThat(lines("""
                select format('%-21s %s', relname, string_agg(rpad(coalesce(nullif(concat(
                           case when has_any_column_privilege(role, c.oid, 'select') then 'r' end,
                           case when has_any_column_privilege(role, c.oid, 'insert') then 'a' end,
                           case when has_any_column_privilege(role, c.oid, 'update') then 'w' end,
                           case when has_table_privilege(role, c.oid, 'delete') then 'd' end,
                           case when has_table_privilege(role, c.oid, 'truncate, references, trigger') then '!' end), ''),
                           '-'), 11), '' order by n))
                  from pg_class c, unnest(string_to_array('engine dispatcher tenant producer operator analyst', ' '))
                       with ordinality as g (name, n) cross join lateral (select 'postrider_' || name as role) r
                 where relnamespace = 'postrider'::regnamespace and relkind in ('r', 'p', 'v', 'm', 'f')
                   and not relispartition
                 group by relname order by relname""")).isEqualTo("""
                accepted_log          rad        -          r          -          r          r
                accounting            r          -          r          -          r          r
                api_keys              rawd       -          -          -          -          -
                background_tasks      rawd       -          r          -          r          r
                billing_events        rd         -          r          -          -          r
                book_balances         r          -          r          -          r          r
                book_days             rawd       -          -          -          -          -
                book_findings         rawd       -          r          -          r          r
                book_state            rw         -          r          -          r          r
                book_totals           rawd       -          r          -          r          r
                daily_deliveries      -          -          r          -          r          r
                daily_tasks           -          -          r          -          r          r
                dead_letters          rawd       -          r          -          r          r
                deliveries            rd         -          r          -          r          r
                delivery_attempts     rad        -          r          -          r          r
                ended_tasks           -          -          r          -          r          r
                endpoint_circuits     rd         -          r          -          r          r
                erasures              raw        -          r          -          r          r
                event_keys            rd         -          -          -          -          -
                flyway_schema_history -          -          -          -          -          -
                held_rows             rad        -          r          -          r          r
                idempotency_keys      rd         -          rawd       -          -          -
                inbound_keys          rd         -          -          -          -          -
                inbound_receipts      rd         -          r          -          r          r
                isolation_breaches    -          -          -          r          r          r
                partition_drops       raw        -          -          -          r          r
                partitions            r          -          -          -          r          -
                replays               rawd       -          r          -          r          r
                retention_holds       rad        -          -          -          r          -
                retention_settings    rw         -          -          -          r          -
                schedules             rwd        -          rawd       -          r          r
                system_events         raw        -          r          -          r          r
                task_dependencies     rad        -          r          -          r          r
                task_history          rad        -          r          -          r          r
                task_limits           rawd       -          r          -          r          r
                task_types            raw        -          r          -          r          r
                tasks                 -          -          r          -          r          r
                webhook_endpoints     rwd        -          raw        -          -          -
                webhook_sources       rwd        -          rawd       -          -          -
                worker_nodes          rawd       -          -          -          r          -
                workspace_assets      rd         -          rawd       -          -          r
                workspaces            raw        -          r          -          r          r""");
    }

    /** The function, with whose rights it runs, and who may execute it besides its owner. */
    @Test
    void functions_are_granted_to_those_who_call_them() {
        assertThat(lines("""
                select format('%-22s %-6s  %s', proname,
                           case when prosecdef then replace(proowner::regrole::text, 'postrider_', '') else 'caller' end,
                           coalesce(string_agg(name, ' ' order by n) filter (
                               where has_function_privilege(role, p.oid, 'execute') and proowner <> role::regrole), '-'))
                  from pg_proc p, unnest(string_to_array('owner engine dispatcher tenant producer operator analyst', ' '))
                       with ordinality as g (name, n) cross join lateral (select 'postrider_' || name as role) r
                 where pronamespace = 'postrider'::regnamespace
                 group by p.oid, proname, prosecdef, proowner order by proname""")).isEqualTo("""
                acknowledge_finding    engine  operator
                active_workspace       caller  engine dispatcher tenant producer operator analyst
                apply_state            caller  -
                asked_to_stop          engine  dispatcher
                attempt_timing         caller  owner tenant
                audit                  owner   operator
                audit_in               caller  -
                audit_replay           caller  engine
                available_tokens       caller  -
                await_tasks            owner   -
                begin_drop             engine  owner
                body_json              caller  tenant
                book_differences       caller  -
                book_partitions        caller  engine
                booked                 caller  engine tenant operator analyst
                books_cover            engine  owner
                books_floor            caller  engine
                cancel_found           owner   tenant
                cancel_task            owner   tenant producer
                change_replay          owner   tenant
                change_replay_anywhere engine  operator
                change_workspace       engine  operator
                change_workspace_share engine  operator
                checked_export         caller  tenant
                checked_filter         caller  engine
                checked_ordering       caller  tenant
                checked_path           caller  tenant
                checked_payload        caller  -
                checked_predicate      caller  tenant
                claim_tasks            engine  dispatcher
                complete_erasure       caller  -
                create_api_key         engine  operator
                create_workspace       engine  operator
                daily_deliveries       caller  tenant operator analyst
                daily_tasks            caller  tenant operator analyst
                dead_letter_json       caller  tenant
                delivery_json          caller  tenant
                delivery_log           caller  -
                discard_dead_letter    owner   tenant operator
                discard_letters        caller  engine
                dropped                engine  owner
                due_schedules          engine  dispatcher
                due_tasks              caller  -
                end_attempts           engine  dispatcher
                end_awaited            engine  owner
                end_deleted_work       engine  dispatcher
                end_drop               caller  -
                end_work_of            engine  -
                endpoint_failed        owner   tenant
                endpoint_json          caller  tenant
                endpoint_key           caller  engine tenant
                endpoint_recovered     owner   tenant
                endpoint_statistics    caller  tenant
                enforce_isolation      caller  producer
                enqueue_each           owner   -
                enqueue_refetch        caller  -
                enqueue_task           owner   engine tenant producer
                enqueue_tasks          owner   tenant producer
                ensure_partitions      owner   engine dispatcher
                erasable_parts         caller  engine
                erase_some             caller  engine
                erasure_held_up        caller  -
                erasure_json           caller  engine operator
                erasure_obstacle       caller  -
                export_events          caller  tenant
                fan_out                caller  -
                finish_tasks           engine  dispatcher
                for_each_workspace     caller  -
                gauges                 engine  dispatcher
                heartbeat              engine  dispatcher
                held_places            caller  -
                hold_delivery          owner   tenant
                hold_workspace         engine  operator
                id_floor               caller  engine dispatcher tenant producer operator analyst
                id_time                caller  tenant operator
                isolate                caller  producer
                isolation_rule         caller  producer operator analyst
                keep_books             engine  dispatcher
                last_attempts          caller  -
                limit_json             caller  tenant
                list_events            caller  tenant
                load_deliveries        engine  dispatcher
                longest_redelivery_window engine  owner
                made_late              engine  owner
                make_partition         caller  -
                make_partitions        caller  -
                make_replay            caller  engine
                matching_letters       caller  engine
                mirror_state           owner   tenant
                new_id                 caller  engine dispatcher tenant producer operator analyst
                next_retention_step    caller  -
                next_workspaces        caller  -
                note_findings          caller  -
                on_endpoint_changed    owner   -
                on_rules_changed       owner   -
                on_schedule_changed    owner   -
                on_source_changed      owner   -
                on_tasks_died          owner   -
                open_circuits          engine  dispatcher
                open_transactions      caller  -
                ordering_value         caller  -
                page                   caller  tenant operator
                pass_limits            engine  -
                passes_filter          caller  -
                pause_task_type        engine  operator
                pause_workspace        engine  operator
                period_after           caller  -
                period_start           caller  -
                publish_event          owner   tenant producer
                queue_depths           engine  dispatcher
                queue_state            engine  dispatcher
                read_books             engine  dispatcher
                receipt_json           caller  tenant
                receive_webhook        owner   tenant
                recheck_findings       caller  -
                reconcile_books        engine  dispatcher
                record_attempts        engine  -
                recount_day            caller  -
                recover_endpoint       caller  tenant
                redelivery_delay       caller  -
                refuse_limit_key       caller  -
                release_endpoint       caller  -
                release_held           engine  -
                release_next           engine  owner
                release_stranded       engine  dispatcher
                release_unheard        engine  dispatcher
                release_workspace      engine  operator
                renew_lease            engine  dispatcher
                replace_sealed         engine  operator
                replay_dead_letter     owner   tenant operator
                replay_json            caller  engine tenant operator
                replay_letters         caller  engine
                report_progress        owner   tenant
                reprocess_page         owner   tenant
                reprocess_receipts     owner   tenant
                request_erasure        engine  operator
                require_partitions     caller  engine
                required_future        caller  -
                required_reason        caller  -
                required_workspace     owner   engine dispatcher tenant producer operator analyst
                rescue_tasks           engine  dispatcher
                resolve_api_key        engine  dispatcher
                resolve_source         engine  dispatcher
                resume_limited         engine  -
                resume_task_type       engine  operator
                resume_workspace       engine  operator
                retention_checked      engine  owner
                retention_state        engine  dispatcher
                retire_node            engine  dispatcher
                revoke_api_key         engine  operator
                schedule_json          caller  tenant
                sealed_secrets         engine  operator
                search_books           caller  -
                search_from            caller  -
                set_replay_status      caller  engine
                set_retention          engine  operator
                set_task_limit         owner   tenant producer
                set_task_type_pause    caller  -
                set_workspace_pause    caller  -
                set_workspace_share    engine  operator
                source_health          caller  tenant
                source_json            caller  tenant
                start_replay           owner   tenant
                start_replay_anywhere  engine  operator
                step_erasures          engine  dispatcher
                step_replays           engine  dispatcher
                still_held             caller  -
                stored_webhooks        caller  -
                summarize_books        owner   engine
                sweep_endpoint_limits  engine  dispatcher
                sweep_keys             engine  dispatcher
                task_json              caller  tenant operator
                tasks_added            caller  engine
                tasks_due              engine  operator
                team_tables            caller  engine
                test_endpoint          owner   tenant
                tick_schedule          engine  dispatcher
                unaccounted            engine  dispatcher
                utc                    caller  engine tenant operator
                walk_on                caller  -
                workspace_ids          engine  owner
                workspace_share        caller  operator
                write_export           caller  tenant
                write_limit            caller  owner""");
    }

    @Test
    void each_login_is_in_its_group_and_no_other_and_no_group_can_log_in_or_is_in_another() {
        assertThat(lines("""
                select format('%s: %s', r.rolname, string_agg(m.roleid::regrole::text, ', '))
                  from pg_roles r join pg_auth_members m on m.member = r.oid
                 where r.rolname like 'postrider%' group by r.rolname order by 1""")).isEqualTo("""
                postrider_analyst_login: postrider_analyst
                postrider_dispatcher_login: postrider_dispatcher
                postrider_operator_login: postrider_operator
                postrider_owner_login: postrider_owner
                postrider_tenant_login: postrider_tenant""");
        assertThat(lines("""
                select rolname from pg_roles
                 where rolname like 'postrider%' and rolname not like '%login'
                   and (rolcanlogin or rolsuper or rolcreaterole or rolcreatedb or rolreplication or rolbypassrls)""")).isEmpty();
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '~', textBlock = """
            tenant     | insert into postrider.background_tasks (workspace_id, task_type, ready) values (postrider.active_workspace(), 'x', true) | permission denied for table background_tasks
            tenant     | update postrider.background_tasks set priority_rank = 100      | permission denied for table background_tasks
            tenant     | delete from postrider.dead_letters                             | permission denied for table dead_letters
            tenant     | truncate postrider.workspace_assets                            | permission denied for table workspace_assets
            tenant     | table postrider.api_keys                                       | permission denied for table api_keys
            tenant     | table postrider.flyway_schema_history                          | permission denied for table flyway_schema_history
            tenant     | select last_value from postrider.ordering_seq                  | permission denied for sequence ordering_seq
            tenant     | select postrider.claim_tasks('me', '{}')                       | permission denied for function claim_tasks
            tenant     | select postrider.finish_tasks('me', '{}', '{}', '{}')          | permission denied for function finish_tasks
            tenant     | select postrider.resolve_api_key('')                           | permission denied for function resolve_api_key
            tenant     | select postrider.audit('x', '{}')                              | permission denied for function audit
            tenant     | select postrider.create_workspace('x')                         | permission denied for function create_workspace
            tenant     | set role postrider_engine                                      | permission denied to set role
            tenant     | set role postrider_owner                                       | permission denied to set role
            tenant     | set role postrider_analyst                                     | permission denied to set role
            tenant     | set session authorization postrider_owner                      | permission denied to set session authorization
            tenant     | table pg_authid                                                | permission denied for table pg_authid
            tenant     | table pg_statistic                                             | permission denied for table pg_statistic
            tenant     | select pg_read_file('postgresql.conf')                         | permission denied for function pg_read_file
            tenant     | create schema mine                                             | permission denied for database
            tenant     | create table postrider.mine (n int)                            | permission denied for schema postrider
            tenant     | create table public.mine (n int)                               | permission denied for schema public
            tenant     | create function postrider.mine() returns int return 1          | permission denied for schema postrider
            tenant     | create role mine                                               | permission denied to create role
            tenant     | alter table postrider.dead_letters disable row level security  | must be owner of table dead_letters
            tenant     | drop policy own_workspace on postrider.dead_letters            | must be owner of relation dead_letters
            tenant     | create policy mine on postrider.dead_letters using (true)      | must be owner of table dead_letters
            tenant     | create temp table t (n int); create trigger t after insert on t execute function postrider.on_tasks_died() | permission denied for function postrider.on_tasks_died
            tenant     | set local row_security = off; table postrider.workspace_assets | query would be affected by row-level security policy
            dispatcher | table postrider.tasks                                          | permission denied for view tasks
            dispatcher | table postrider.workspaces                                     | permission denied for table workspaces
            dispatcher | select postrider.enqueue_task('x')                             | permission denied for function enqueue_task
            dispatcher | set role postrider_engine                                      | permission denied to set role
            producer   | table postrider.background_tasks                               | permission denied for table background_tasks
            producer   | table postrider.workspaces                                     | permission denied for table workspaces
            producer   | select postrider.replay_dead_letter(gen_random_uuid(), 'x')    | permission denied for function replay_dead_letter
            producer   | select postrider.workspace_ids()                               | permission denied for function workspace_ids
            producer   | select postrider.isolate('postrider.task_types')               | has no column "workspace_id uuid not null"
            producer   | select postrider.isolate('postrider.dead_letters')             | must be owner of table dead_letters
            operator   | update postrider.dead_letters set failure_count = 0            | permission denied for table dead_letters
            operator   | delete from postrider.background_tasks                         | permission denied for table background_tasks
            operator   | table postrider.webhook_sources                                | permission denied for table webhook_sources
            operator   | table postrider.webhook_endpoints                              | permission denied for table webhook_endpoints
            operator   | select postrider.enqueue_task('x')                             | permission denied for function enqueue_task
            analyst    | insert into postrider.workspaces (name) values ('x')           | permission denied for table workspaces
            analyst    | update postrider.task_history set reason = 'x'                 | permission denied for table task_history
            analyst    | select postrider.replay_dead_letter(gen_random_uuid(), 'x')    | permission denied for function replay_dead_letter
            analyst    | table postrider.webhook_endpoints                              | permission denied for table webhook_endpoints
            owner      | set role postrider_engine                                      | permission denied to set role
            owner      | create role mine                                               | permission denied to create role
            owner      | set local row_security = off; update postrider.workspace_assets set name = 'x' | query would be affected by row-level security policy
            """)
    void it_may_not(String role, String attempt, String answer) {
        assertThatThrownBy(() -> as(role, MINE, attempt)).rootCause().hasMessageContaining(answer);
    }

    @ParameterizedTest
    @CsvSource({"tenant, 100", "owner, 100", "analyst, 200"})
    void it_sees_so_many_of_the_two_hundred_assets(String role, int seen) {
        String assets = "postrider.workspace_assets where name like 'asset %'";
        assertThat(count(role, MINE, assets)).isEqualTo(seen);
        assertThat(count(role, null, assets)).isEqualTo(seen == 200 ? 200 : 0);
    }

    @Test
    void statistics_of_a_table_are_hidden_from_those_whom_its_policies_bind() {
        String samples = "pg_stats where schemaname = 'postrider' and tablename = 'workspace_assets'";
        assertThat(DATABASE.sql().queryForList("select from " + samples)).isNotEmpty();
        assertThat(count("tenant", MINE, samples)).isZero();
    }

    @Test
    void a_conflict_does_not_tell_which_ids_another_workspace_has() {
        UUID asset = DATABASE.sql()
                .queryForObject(
                        "select asset_id from postrider.workspace_assets where workspace_id = ? limit 1",
                        UUID.class,
                        OTHER);
        String insert = "insert into postrider.workspace_assets (workspace_id, asset_id, name) values (?, ?, 'mine')";
        int inserted = DATABASE.as("tenant", MINE, sql -> sql.update(insert, MINE, asset));
        assertThat(inserted).isOne();
    }

    @Test
    void a_temporary_table_deceives_neither_the_functions_nor_unqualified_names() {
        int tasks = DATABASE.as("tenant", MINE, sql -> {
            sql.execute("create temp table background_tasks (like postrider.background_tasks) on commit drop");
            sql.queryForObject("select postrider.enqueue_task('nobody')", String.class);
            assertThat(sql.queryForObject("select count(*) from pg_temp.background_tasks", Integer.class))
                    .isZero();
            return sql.queryForObject(
                    "select count(*) from background_tasks where task_type = 'nobody'", Integer.class);
        });
        assertThat(tasks).isEqualTo(2);
    }

    @Test
    void an_operator_who_acts_on_a_dead_letter_by_sql_leaves_who_and_why() {
        UUID letter = DATABASE.sql().queryForObject("""
                insert into postrider.dead_letters (workspace_id, task_id, kind, task_type, priority_rank, attempt_count,
                       failure_count, created_at, reason, payload, attempts)
                values (?, gen_random_uuid(), 'task', 'nobody', 0, 1, 1, now(), 'failed', '{}', '[]')
                returning dead_letter_id""", UUID.class, MINE);

        as("operator", MINE, "select postrider.discard_dead_letter('%s', 'of no use')".formatted(letter));

        assertThat(DATABASE.sql().queryForList("""
                select actor, payload ->> 'reason' as reason from postrider.system_events
                 where event_type = 'dead-letter.discarded' and payload ->> 'deadLetterId' = ?""", letter.toString()))
                .singleElement()
                .hasToString("{actor=postrider_operator_login, reason=of no use}");
    }

    private static Void as(String role, UUID workspace, String statement) {
        return role.equals("producer")
                ? DATABASE.as(PRODUCER, "test", workspace, sql -> {
                    sql.execute(statement);
                    return null;
                })
                : DATABASE.as(role, workspace, sql -> {
                    sql.execute(statement);
                    return null;
                });
    }

    private static int count(String role, UUID workspace, String from) {
        return DATABASE.as(role, workspace, sql -> sql.queryForObject("select count(*) from " + from, Integer.class));
    }

    private static String lines(String query) {
        return DATABASE.sql().queryForList(query, String.class).stream()
                .map(String::stripTrailing)
                .collect(Collectors.joining("\n"));
    }
}
