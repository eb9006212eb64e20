-- Isolation that can be checked: one function that gives it, and that may be called again; what is allowed to be
-- different says why in its comment, where the view isolation_breaches looks for it.

-- A uniqueness check ignores policies: it would have told one workspace which ids of assets another has.
alter table postrider.workspace_assets drop constraint workspace_assets_pkey, add primary key (workspace_id, asset_id);

create function postrider.isolation_rule() returns text language sql immutable parallel safe
return $$(workspace_id = ( SELECT (NULLIF(current_setting('app.active_workspace'::text, true), ''::text))::uuid AS "nullif"))$$;
comment on function postrider.isolation_rule is 'The expression of the policy own_workspace, as the catalog prints it; in a sub-select, so that it is evaluated once per query.';

-- The policy is also for the table's owner, who is bound by FORCE and would see nothing. Partitions get no grants: they
-- are read through their parent, whose policies apply then; their own are for those who name them directly.
create or replace function postrider.enforce_isolation(target regclass, readers name[] default '{}') returns void
    language plpgsql set search_path = pg_catalog, pg_temp set client_min_messages = warning as $$
declare
    rule constant text := postrider.isolation_rule();
    owner constant text := (select relowner::regrole from pg_class where oid = target);
    reader name;
begin
    execute format('alter table %s enable row level security, force row level security', target);
    execute format('drop policy if exists own_workspace on %s', target);
    execute format('create policy own_workspace on %s to postrider_owner, postrider_tenant, postrider_producer, %s using (%s) with check (%s)',
                   target, owner, rule, rule);
    execute format('drop policy if exists engine on %s', target);
    execute format('create policy engine on %s to postrider_engine using (true) with check (true)', target);
    foreach reader in array readers loop
        execute format('drop policy if exists %I on %s', 'read_by_' || reader, target);
        execute format('create policy %I on %s for select to %I using (true)', 'read_by_' || reader, target, reader);
        if not (select relispartition from pg_class where oid = target) then
            execute format('grant select on %s to %I', target, reader);
        end if;
    end loop;
end $$;
comment on function postrider.enforce_isolation is 'Enables and forces row-level security on a table, with one policy per group; called again it changes nothing.';
grant execute on function postrider.isolation_rule to postrider_producer, postrider_operator, postrider_analyst;
grant execute on function postrider.enforce_isolation to postrider_producer;

-- Migrations are bound by the policies, so they change the rows of one workspace after the other.
create function postrider.for_each_workspace(statement text) returns bigint
    language plpgsql set row_security = on as $$
declare
    before constant text := coalesce(current_setting('app.active_workspace', true), '');
    workspace uuid;
    rows bigint;
    total bigint := 0;
begin
    for workspace in select postrider.workspace_ids() loop
        perform set_config('app.active_workspace', workspace::text, true);
        execute statement;
        get diagnostics rows = row_count;
        total := total + rows;
    end loop;
    perform set_config('app.active_workspace', before, true);
    return total;
end $$;
comment on function postrider.for_each_workspace is 'Runs a statement once in each workspace, the nil UUID of no workspace included; returns how many rows it changed. For backfills in migrations.';

set local role postrider_engine;
-- What the engine makes from now on can be executed by nobody until it is granted; the owner has it so since V0001.
alter default privileges revoke execute on functions from public;
create function postrider.workspace_ids() returns setof uuid
    language sql stable security definer set search_path = postrider, pg_temp set row_security = on
begin atomic
    select workspace_id from postrider.workspaces
    union all
    select '00000000-0000-0000-0000-000000000000' as workspace_id;
end;
comment on function postrider.workspace_ids is 'The ids of all workspaces, and the nil UUID. Definer: a migration does not see them, being bound by the policies.';
grant execute on function postrider.workspace_ids to postrider_owner;
set local role postrider_owner;

-- Whoever reads across workspaces does not need the customers' credentials.
drop policy read_by_postrider_operator on postrider.webhook_sources;
drop policy read_by_postrider_operator on postrider.webhook_endpoints;
drop policy read_by_postrider_analyst on postrider.webhook_endpoints;
revoke select on postrider.webhook_sources, postrider.webhook_endpoints from postrider_operator, postrider_analyst;

comment on column postrider.system_events.actor is 'Who did it: the setting app.actor of the transaction, or else the database login.';
comment on table postrider.task_types is 'The task types that some node has a handler for; a row is written when the handler''s route starts. Across workspaces: a handler serves all of them, and tenants only read.';
comment on table postrider.worker_nodes is 'The nodes that work now: one heartbeat per node is the lease of all its tasks. Across workspaces: a node serves all of them, and tenants do not see it.';
comment on table postrider.flyway_schema_history is 'The migrations that have run. Across workspaces: written by migrations alone.';
comment on function postrider.ensure_partitions is 'Makes the partitions of this month and the next three, of every partitioned table; returns how many were missing. Definer: making a table in the schema is the owner''s right; the caller chooses nothing.';
comment on index postrider.api_keys_pkey is 'Across workspaces: only the engine writes keys, with ids of its own.';
comment on index postrider.api_keys_key_hash_key is 'Across workspaces: a key is found before its workspace is known; we choose keys, 256 random bits.';
comment on index postrider.webhook_sources_source_key_key is 'Across workspaces: a source is found before its workspace is known; who knows another''s source_key has its url already.';
comment on sequence postrider.ordering_seq is 'Orders the tasks of one ordering key by their commits.';
