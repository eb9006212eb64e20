-- Finding out whose request this is, before any workspace is known: the engine looks across workspaces for the caller.
set local role postrider_engine;
-- Migrations run with row_security off, so that a forgotten backfill fails; a function's body is only rewritten here.
set local row_security = on;

create or replace function postrider.resolve_api_key(key_hash bytea)
    returns table (key_id uuid, workspace_id uuid, scopes text[], stored_hash bytea)
    language plpgsql stable security definer set search_path = postrider, pg_temp as $$
#variable_conflict use_column
declare
    found_key api_keys;
    status text;
begin
    select * into found_key from api_keys k where k.key_hash = resolve_api_key.key_hash and revoked_at is null;
    select workspace_status into status from workspaces w where w.workspace_id = found_key.workspace_id;
    if status = 'suspended' then
        raise sqlstate 'PR403' using message = 'this key''s workspace is suspended';
    end if;
    return query select found_key.key_id, found_key.workspace_id, found_key.scopes, found_key.key_hash
                  where found_key.key_id is not null and status is distinct from 'deleted';
end $$;
comment on function postrider.resolve_api_key is 'The workspace and scopes that an API key opens, found by its hash; an error (PR403) when the workspace is suspended. Definer: the workspace is not known before the key is found.';

create or replace function postrider.resolve_source(provider text, source_key text)
    returns table (source_id uuid, workspace_id uuid, secrets bytea, task_type text, enabled boolean)
    language sql stable security definer set search_path = postrider, pg_temp as $$
    select source_id, workspace_id, secrets, task_type, enabled and workspace_status = 'active'
      from webhook_sources s join workspaces using (workspace_id)
     where s.source_key = $2 and s.provider = $1 and workspace_status <> 'deleted'
$$;
comment on function postrider.resolve_source is 'The webhook source behind a url; not enabled while its workspace is suspended. Definer: the workspace is not known before the source is found.';

create or replace function postrider.create_workspace(name text, workspace_id uuid default null) returns uuid
    language plpgsql security definer set search_path = postrider, pg_temp as $$
#variable_conflict use_column
declare
    id uuid := coalesce(create_workspace.workspace_id, new_id());
begin
    perform require_partitions();
    if id = '00000000-0000-0000-0000-000000000000' then
        raise sqlstate 'PR400' using message = 'workspaceId must not be the nil UUID: it stands for no workspace';
    end if;
    insert into workspaces (workspace_id, name) values (id, create_workspace.name) on conflict do nothing;
    if not found then
        raise sqlstate 'PR409' using message = format('workspace %s exists already', id);
    end if;
    insert into system_events (workspace_id, event_type, actor, payload)
    values (id, 'workspace.created', coalesce(nullif(current_setting('app.actor', true), ''), session_user),
            jsonb_build_object('name', create_workspace.name));
    return id;
end $$;
comment on function postrider.create_workspace is 'Makes a workspace; a team may bring its own id. Definer: the new workspace is not the active one.';

create or replace function postrider.create_api_key(workspace_id uuid, key_hash bytea, scopes text[]) returns uuid
    language plpgsql security definer set search_path = postrider, pg_temp as $$
#variable_conflict use_column
declare
    nobody constant uuid := '00000000-0000-0000-0000-000000000000';
    id uuid;
begin
    perform require_partitions();
    if create_api_key.workspace_id <> nobody
       and not exists (select from workspaces where workspace_id = create_api_key.workspace_id
                       and workspace_status <> 'deleted') then
        raise sqlstate 'PR404' using message = format('workspace %s does not exist', create_api_key.workspace_id);
    end if;
    insert into api_keys (workspace_id, key_hash, scopes)
    values (create_api_key.workspace_id, create_api_key.key_hash, create_api_key.scopes)
    on conflict (key_hash) do nothing returning key_id into id;
    if id is not null then
        insert into system_events (workspace_id, event_type, actor, payload)
        values (create_api_key.workspace_id, 'api-key.created', coalesce(nullif(current_setting('app.actor', true), ''), session_user),
                jsonb_build_object('keyId', id, 'scopes', create_api_key.scopes));
    end if;
    return id;
end $$;
comment on function postrider.create_api_key is 'Stores a key''s hash for a workspace, or for operators (nil UUID); null when the key is known already. Definer: keys are made for any workspace, and nobody but the engine may read or write them.';

-- What runs is asked to stop: it is cancelled instead of being tried again.
create or replace function postrider.end_work_of(workspace uuid) returns void
    language sql security definer set search_path = postrider, pg_temp
begin atomic
    select postrider.require_partitions();
    update postrider.background_tasks set cancel_requested = true
     where workspace_id = workspace and task_status = 'processing';
    delete from postrider.task_dependencies where workspace_id = workspace;
    with gone as (
        delete from postrider.background_tasks where workspace_id = workspace and task_status = 'queued' returning *)
    insert into postrider.task_history (task_id, workspace_id, kind, task_type, task_status, priority_rank, scheduled_at,
                                        worker_id, attempt_count, failure_count, claimed_at, created_at, reason, payload,
                                        last_error, attempts)
    select task_id, workspace_id, kind, task_type, 'cancelled', priority_rank, scheduled_at, worker_id, attempt_count,
           failure_count, claimed_at, created_at, 'the workspace was deleted', payload, last_error, attempts
      from gone;
    with gone as (delete from postrider.dead_letters where workspace_id = workspace returning *)
    insert into postrider.task_history (task_id, workspace_id, kind, task_type, task_status, priority_rank, scheduled_at,
                                        attempt_count, failure_count, created_at, reason, payload, last_error, attempts)
    select task_id, workspace_id, kind, task_type, 'discarded', priority_rank, created_at, attempt_count, failure_count,
           created_at, 'the workspace was deleted', payload, last_error, attempts
      from gone;
end;
comment on function postrider.end_work_of is 'Cancels what waits in a workspace that is deleted, and discards its dead letters. Definer: called by change_workspace and end_deleted_work only.';

-- What a transaction adds that read the status before the deletion and commits after it, and what a claim took at that
-- moment, would wait for ever: nothing claims it. Found afterwards, because a lock that keeps it out would be taken by
-- every enqueue.
create or replace function postrider.end_deleted_work() returns int
    language plpgsql security definer set search_path = postrider, pg_temp as $$
#variable_conflict use_column
declare
    deleted uuid;
    ended int := 0;
begin
    for deleted in
        select workspace_id from workspaces w
         where workspace_status = 'deleted'
           and (exists (select from background_tasks t
                         where t.workspace_id = w.workspace_id and (task_status = 'queued' or not cancel_requested))
                or exists (select from dead_letters d where d.workspace_id = w.workspace_id))
    loop
        perform end_work_of(deleted);
        ended := ended + 1;
    end loop;
    return ended;
end $$;
comment on function postrider.end_deleted_work is 'Ends what came into workspaces while they were being deleted; returns how many workspaces that were. Served by workspaces_closed. Definer: looks at all workspaces.';

create or replace function postrider.change_workspace(workspace_id uuid, status text, reason text) returns jsonb
    language plpgsql security definer set search_path = postrider, pg_temp as $$
#variable_conflict use_column
declare
    was text;
    changed workspaces;
begin
    perform require_partitions();
    select workspace_status into was from workspaces
     where workspace_id = change_workspace.workspace_id for update;
    if was is null then
        return null;
    end if;
    if was = 'deleted' and status <> was then
        raise sqlstate 'PR409' using
            message = format('workspace %s is deleted, and that is for good', change_workspace.workspace_id);
    end if;
    if exists (select from erasures where workspace_id = change_workspace.workspace_id) then
        raise sqlstate 'PR409' using
            message = format('workspace %s is being erased, or was', change_workspace.workspace_id);
    end if;
    update workspaces set workspace_status = change_workspace.status
     where workspace_id = change_workspace.workspace_id returning * into changed;
    if changed.workspace_status = 'deleted' then
        perform end_work_of(change_workspace.workspace_id);
    end if;
    insert into system_events (workspace_id, event_type, actor, payload)
    values (change_workspace.workspace_id, 'workspace.' || change_workspace.status,
            coalesce(nullif(current_setting('app.actor', true), ''), session_user),
            jsonb_build_object('was', was, 'reason', change_workspace.reason));
    return jsonb_build_object('workspaceId', changed.workspace_id, 'name', changed.name,
                              'status', changed.workspace_status);
end $$;
comment on function postrider.change_workspace is 'Suspends, reactivates or deletes a workspace, with a reason; audited. Null when it does not exist. Definer: only the engine may write workspaces.';

create or replace function postrider.revoke_api_key(workspace_id uuid, key_id uuid) returns boolean
    language plpgsql security definer set search_path = postrider, pg_temp as $$
#variable_conflict use_column
begin
    perform require_partitions();
    update api_keys set revoked_at = now()
     where workspace_id = revoke_api_key.workspace_id and key_id = revoke_api_key.key_id and revoked_at is null;
    if not found then
        return false;
    end if;
    insert into system_events (workspace_id, event_type, actor, payload)
    values (revoke_api_key.workspace_id, 'api-key.revoked',
            coalesce(nullif(current_setting('app.actor', true), ''), session_user),
            jsonb_build_object('keyId', revoke_api_key.key_id));
    return true;
end $$;
comment on function postrider.revoke_api_key is 'Makes a key open nothing from now on; false when the workspace has no such key that is valid. Definer: nobody but the engine may write keys.';

create or replace function postrider.sweep_keys() returns void
    language sql security definer set search_path = postrider, pg_temp
begin atomic
    delete from postrider.idempotency_keys where created_at < now() - interval '24 hours';
    delete from postrider.event_keys where created_at < now() - interval '30 days';
    delete from postrider.inbound_keys where received_at < now() - interval '30 days';
end;
comment on function postrider.sweep_keys is 'Removes idempotency keys whose window has passed: 24 hours for requests, 30 days for events and webhooks. Definer: what is too old goes in all workspaces at once.';

revoke execute on function postrider.resolve_api_key, postrider.resolve_source, postrider.create_workspace,
    postrider.create_api_key, postrider.change_workspace, postrider.revoke_api_key, postrider.end_work_of, postrider.end_deleted_work,
    postrider.sweep_keys from public;
grant execute on function postrider.resolve_api_key, postrider.resolve_source, postrider.end_deleted_work,
    postrider.sweep_keys to postrider_dispatcher;
grant execute on function postrider.create_workspace, postrider.create_api_key, postrider.change_workspace,
    postrider.revoke_api_key to postrider_operator;
set local role postrider_owner;
