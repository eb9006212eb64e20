-- The erasure of a deleted workspace: asked for by an operator, done by the nodes step by step.
-- Migrations run with row_security off, so that a forgotten backfill fails; a function's body is only rewritten here.
set local row_security = on;

-- By catalog, so that a table that is added is not forgotten. Partitions one by one, by the range of their keys: rows are
-- found by ctid, which means one row in one of them only, and are read through the parent. The events come last, because
-- what is done on the way may still add some.
create or replace function postrider.erasable_parts()
    returns table (place text, table_name name, key_range text) language sql stable set search_path = postrider, pg_temp as $$
    select case c.relname when 'system_events' then '~' else '' end || c.relname || ' ' || coalesce(part.relname, ''),
           c.relname,
           case when bounds.found is not null
                then format(' and %I >= %L and %I < %L', k.attname, bounds.found[1], k.attname, bounds.found[2]) else '' end
      from pg_class c
      join pg_attribute a on a.attrelid = c.oid and a.attname = 'workspace_id' and not a.attisdropped
      left join pg_partitioned_table p on p.partrelid = c.oid
      left join pg_attribute k on k.attrelid = c.oid and k.attnum = p.partattrs[0]
      left join pg_inherits i on i.inhparent = c.oid and c.relkind = 'p'
      left join pg_class part on part.oid = i.inhrelid
     cross join lateral (select regexp_match(pg_get_expr(part.relpartbound, part.oid),
                                             'FROM \(''([^'']+)''\) TO \(''([^'']+)''\)') as found) bounds
     where c.relnamespace = 'postrider'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
       and c.relname not in ('workspaces', 'erasures') and (c.relkind = 'r' or part.oid is not null)
$$;
comment on function postrider.erasable_parts is 'Where an erasure goes: every table with a workspace_id, partitions one by one; a place sorts by its bytes.';

create or replace function postrider.team_tables() returns text[] language sql stable set search_path = pg_catalog, pg_temp as $$
    select coalesce(array_agg(format('%I.%I', c.relnamespace::regnamespace, c.relname) order by 1), '{}')
      from pg_class c
     where c.relnamespace <> 'postrider'::regnamespace and not c.relispartition
       and exists (select from pg_policy where polrelid = c.oid and polname = 'own_workspace')
$$;
comment on function postrider.team_tables is 'The tables that teams have isolated: their rows are the team''s, and no erasure touches them.';

-- What a place has of a workspace is deleted, of events blanked; the last id is that of the last event that was.
create or replace function postrider.erase_some(workspace uuid, place text, after uuid, size int)
    returns table (erased int, last_id uuid) language plpgsql
    set search_path = postrider, pg_temp set plan_cache_mode = force_custom_plan as $$
declare
    part record;
begin
    select * into part from erasable_parts() p where p.place = erase_some.place;
    if part.table_name = 'system_events' then
        execute format(
            'with chosen as materialized (
                 select event_id, occurred_at from system_events
                  where workspace_id = $1%1$s and ($2 is null or event_id > $2) and (payload <> ''{}'' or actor is not null)
                  order by event_id limit $3),
             gone as (
                 update system_events e set payload = ''{}'', actor = null from chosen c
                  where e.workspace_id = $1%2$s and e.event_id = c.event_id and e.occurred_at = c.occurred_at
                 returning e.event_id)
             select count(*)::int, max(event_id::text)::uuid from gone',
            part.key_range, replace(part.key_range, 'occurred_at', 'e.occurred_at'))
          into erased, last_id using workspace, after, size;
    else
        execute format(
            'with gone as (
                 delete from %1$I where workspace_id = $1%2$s
                    and ctid = any (array (select ctid from %1$I where workspace_id = $1%2$s limit $2)) returning 1)
             select count(*)::int from gone', part.table_name, part.key_range)
          into erased using workspace, size;
    end if;
    return next;
end $$;
comment on function postrider.erase_some is 'Deletes some rows of a workspace at one place, or blanks some of its events. Called by step_erasures only.';

revoke execute on function postrider.erasable_parts, postrider.team_tables, postrider.erase_some from public;
grant execute on function postrider.erasable_parts, postrider.team_tables, postrider.erase_some to postrider_engine;

set local role postrider_engine;

create or replace function postrider.erasure_obstacle(workspace uuid) returns text
    language sql stable set search_path = postrider, pg_temp
return (select format('workspace %s is under a hold (%s): release it first', workspace_id, reason)
          from postrider.retention_holds where workspace_id = erasure_obstacle.workspace);
comment on function postrider.erasure_obstacle is 'Why a workspace must not be erased now, in words for the operator; null: it may be.';

-- Transactions that were open may have read the workspace's status before it was deleted, and still write; later ones are
-- refused. Their virtual ids are what PostgreSQL itself waits for when it builds an index concurrently.
create or replace function postrider.open_transactions() returns text[]
    language sql volatile set search_path = pg_catalog, pg_temp as $$
    select coalesce(array_agg(l.virtualtransaction), '{}')
      from pg_locks l join pg_stat_activity a using (pid)
     where l.locktype = 'virtualxid' and l.pid <> pg_backend_pid() and a.datname = current_database() and a.usesysid is not null
$$;
comment on function postrider.open_transactions is 'The transactions of this database that are open now, but for this one, by their virtual ids.';

create or replace function postrider.request_erasure(workspace_id uuid, reason text) returns jsonb
    language plpgsql security definer set search_path = postrider, pg_temp as $$
#variable_conflict use_column
declare
    status text;
    obstacle text;
    job erasures;
begin
    select workspace_status into status from workspaces w where w.workspace_id = request_erasure.workspace_id for update;
    if status is null then
        return null;
    end if;
    if status <> 'deleted' then
        raise sqlstate 'PR409' using
            message = format('workspace %s is %s, and only a deleted one can be erased', request_erasure.workspace_id, status),
            hint = 'Delete it first: PATCH /v1/workspaces/{workspaceId} with "status": "deleted". That is for good.';
    end if;
    if trim(coalesce(request_erasure.reason, '')) = '' then
        raise sqlstate 'PR400' using column = 'reason', message = 'reason is empty; say why';
    end if;
    select * into job from erasures e where e.workspace_id = request_erasure.workspace_id;
    if not found then
        obstacle := erasure_obstacle(request_erasure.workspace_id);
        if obstacle is not null then
            raise sqlstate 'PR409' using message = obstacle;
        end if;
        insert into erasures (workspace_id, reason, actor, waits_for)
        values (request_erasure.workspace_id, request_erasure.reason,
                coalesce(nullif(current_setting('app.actor', true), ''), session_user), open_transactions())
        returning * into job;
        perform audit_in('00000000-0000-0000-0000-000000000000', 'workspace.erasure-requested', jsonb_build_object(
            'workspaceId', job.workspace_id, 'erasureId', job.erasure_id, 'reason', job.reason));
    end if;
    return jsonb_build_object('erasureId', job.erasure_id);
end $$;
comment on function postrider.request_erasure is 'Starts the erasure of a deleted workspace and returns its id, or that of the one it has already; null when there is no such workspace. Audited. Definer: operators may not write, and see all workspaces.';

create or replace function postrider.erasure_held_up(job postrider.erasures) returns text
    language plpgsql set search_path = postrider, pg_temp as $$
declare
    held text := erasure_obstacle(job.workspace_id);
    number int;
begin
    if held is not null then
        return held;
    end if;
    select count(*) into number from unnest(open_transactions()) o where o = any (job.waits_for);
    if number > 0 then
        return format('waits for %s transactions that were open when it was asked for, and may still write', number);
    end if;
    if exists (select from background_tasks where workspace_id = job.workspace_id and (task_status = 'queued' or not cancel_requested))
       or exists (select from dead_letters where workspace_id = job.workspace_id) then
        perform end_work_of(job.workspace_id);
    end if;
    select count(*) into number from background_tasks where workspace_id = job.workspace_id;
    if number > 0 then
        return format('waits for %s running tasks, which were asked to stop', number);
    end if;
    return null;
end $$;
comment on function postrider.erasure_held_up is 'What an erasure has to wait for, in words; null: it may go on. Ends the work that came in late.';

-- Who is at work on the books may have counted before the last rows went: he is waited for, and what he wrote is erased.
create or replace function postrider.complete_erasure(workspace uuid) returns void
    language plpgsql set search_path = postrider, pg_temp as $$
#variable_conflict use_column
declare
    done erasures;
begin
    perform pg_advisory_xact_lock(hashtextextended('postrider.books', 0));
    if exists (select from book_totals where workspace_id = workspace)
       or exists (select from book_days where workspace_id = workspace)
       or exists (select from book_findings where workspace_id = workspace) then
        return;
    end if;
    update erasures set erasure_status = 'completed', ended_at = clock_timestamp(), team_tables = team_tables(), waits_for = '{}'
     where workspace_id = workspace returning * into done;
    update workspaces set name = 'erased', weight = default, erased_at = done.ended_at where workspace_id = workspace;
    perform set_config('app.actor', done.actor, true);
    perform audit_in('00000000-0000-0000-0000-000000000000', 'workspace.erased', erasure_json(done) - '{status,actor,heldUp}'::text[]);
end $$;
comment on function postrider.complete_erasure is 'Leaves a tombstone of the workspace, the receipt, and its copy in the audit trail; nothing, if the books have something of it again.';

-- Up to 5000 rows, or two seconds, in the order of the places. It is over when a walk along all of them has found nothing.
create or replace function postrider.walk_on(job postrider.erasures) returns void
    language plpgsql set search_path = postrider, pg_temp as $$
#variable_conflict use_column
declare
    began constant timestamptz := clock_timestamp();
    size int := 5000;
    part record;
    gone record;
    walked boolean := true;
begin
    for part in select place, table_name from erasable_parts()
                 where job.walked_to is null or place collate "C" > job.walked_to order by place collate "C" loop
        select * into gone from erase_some(job.workspace_id, part.place, job.walked_event, size);
        if gone.erased > 0 then
            job.walk_found := true;
            job.row_counts := job.row_counts || jsonb_build_object(
                part.table_name, coalesce((job.row_counts ->> part.table_name)::bigint, 0) + gone.erased);
        end if;
        if gone.erased = size then
            job.walked_event := gone.last_id;
            walked := false;
            exit;
        end if;
        size := size - gone.erased;
        job.walked_to := part.place;
        job.walked_event := null;
        if clock_timestamp() > began + interval '2 seconds' then
            walked := false;
            exit;
        end if;
    end loop;
    update erasures
       set walked_to = case when not walked then job.walked_to end, walked_event = job.walked_event,
           walk_found = job.walk_found and not walked, row_counts = job.row_counts, held_up = null, due_at = clock_timestamp()
     where workspace_id = job.workspace_id;
    if walked and not job.walk_found then
        perform complete_erasure(job.workspace_id);
    end if;
end $$;
comment on function postrider.walk_on is 'Erases the next rows of a workspace, and completes its erasure when none is left. Called by step_erasures only.';

-- One step of the erasure that is due first. What it has come to is kept in the same transaction, so that another node can
-- go on after a crash. A step that has to wait, or fails, is due again in 5 s, so that the others have their turn. No
-- workspace is active, so that the triggers that write a workspace's audit trail are silent.
create or replace function postrider.step_erasures() returns int
    language plpgsql security definer set search_path = postrider, pg_temp
    set plan_cache_mode = force_custom_plan set lock_timeout = '250ms' as $$
#variable_conflict use_column
declare
    job erasures;
    held text;
begin
    perform set_config('app.active_workspace', '', true);
    select * into job from erasures
     where erasure_status = 'running' and due_at <= clock_timestamp() order by due_at limit 1 for update skip locked;
    if job.erasure_id is not null then
        begin
            held := erasure_held_up(job);
            if held is not null then
                update erasures set held_up = held, due_at = clock_timestamp() + interval '5 seconds'
                 where workspace_id = job.workspace_id;
            else
                perform walk_on(job);
            end if;
        exception when others then
            update erasures set held_up = sqlerrm, due_at = clock_timestamp() + interval '5 seconds'
             where workspace_id = job.workspace_id;
        end;
    end if;
    return (select least(1000, greatest(case when job.erasure_id is null then 100 else 0 end,
                                        ceil(extract(epoch from min(due_at) - clock_timestamp()) * 1000)))
              from erasures where erasure_status = 'running' having count(*) > 0);
end $$;
comment on function postrider.step_erasures is 'Makes a step of an erasure that is due; returns in how many milliseconds to call again, up to 1000; null: none is running. Definer: nodes work for all workspaces, and the dispatcher may touch no table.';

revoke execute on function postrider.erasure_obstacle, postrider.open_transactions, postrider.request_erasure,
    postrider.erasure_held_up, postrider.complete_erasure, postrider.walk_on, postrider.step_erasures from public;
grant execute on function postrider.request_erasure to postrider_operator;
grant execute on function postrider.step_erasures to postrider_dispatcher;
set local role postrider_owner;
