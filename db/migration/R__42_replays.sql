-- Replays of many dead letters: made by a workspace for its own or by operators, worked off by the nodes step by step.
-- Migrations run with row_security off, so that a forgotten backfill fails; a function's body is only rewritten here.
set local row_security = on;

-- A filter that somebody forgot to fill in must not mean everything, so {} is refused, and so are null and "".
create or replace function postrider.checked_filter(filter jsonb) returns jsonb
    language plpgsql stable set search_path = postrider, pg_temp as $$
declare
    wrong record;
begin
    if jsonb_typeof(filter) is distinct from 'object' or filter = '{}' then
        raise sqlstate 'PR400' using column = 'filter',
            message = 'filter is empty; say which dead letters, or {"all": true} for all of them';
    end if;
    select * into wrong from jsonb_each(filter) as f (key, value)
     where key not in ('all', 'taskType', 'kind', 'deadFrom', 'deadTo', 'deadLetterIds', 'errorContains', 'endpointId')
        or value in ('null', '""') limit 1;
    if found then
        raise sqlstate 'PR400' using column = 'filter.' || wrong.key,
            message = format('filter.%s is %s', wrong.key, case when wrong.value in ('null', '""') then 'empty' else 'not known' end);
    end if;
    if jsonb_exists(filter, 'all') and filter <> '{"all": true}' then
        raise sqlstate 'PR400' using column = 'filter.all',
            message = 'filter.all means all dead letters: it is true, and nothing stands beside it';
    end if;
    if (filter ->> 'deadFrom')::timestamptz >= (filter ->> 'deadTo')::timestamptz then
        raise sqlstate 'PR400' using column = 'filter.deadTo', message = 'filter.deadTo is not later than filter.deadFrom';
    end if;
    return filter;
end $$;
comment on function postrider.checked_filter is 'The filter, if it is one; an error (PR400) that names the field otherwise.';

-- The primary key serves, or for all workspaces (the nil UUID) dead_letters_id, if the planner knows the values: callers
-- plan anew each time (plan_cache_mode), and this body is put into their statements; ids are made when letters die. Closed
-- workspaces have a rest.
create or replace function postrider.matching_letters(workspace uuid, filter jsonb, after uuid, before timestamptz)
    returns table (workspace_id uuid, dead_letter_id uuid) language sql stable as $$
    select d.workspace_id, d.dead_letter_id
      from postrider.dead_letters d
     where (workspace = '00000000-0000-0000-0000-000000000000' or d.workspace_id = workspace)
       and (after is null or d.dead_letter_id > after)
       and d.dead_at < before
       and (filter -> 'taskType' is null or d.task_type = filter ->> 'taskType')
       and (filter -> 'kind' is null or d.kind = filter ->> 'kind')
       and (filter -> 'deadFrom' is null or d.dead_at >= (filter ->> 'deadFrom')::timestamptz
            and d.dead_letter_id >= postrider.id_floor((filter ->> 'deadFrom')::timestamptz - interval '1 ms'))
       and (filter -> 'deadTo' is null or d.dead_at < (filter ->> 'deadTo')::timestamptz)
       and (filter -> 'deadLetterIds' is null
            or d.dead_letter_id = any (array (select jsonb_array_elements_text(filter -> 'deadLetterIds')::uuid)))
       and (filter -> 'errorContains' is null or strpos(d.last_error, filter ->> 'errorContains') > 0)
       and (filter -> 'endpointId' is null
            or d.kind = 'delivery' and d.payload ->> 'endpointId' = lower(filter ->> 'endpointId'))
       and not exists (select from postrider.workspaces w
                        where w.workspace_id = d.workspace_id and w.workspace_status <> 'active')
$$;
comment on function postrider.matching_letters is 'The dead letters of a workspace, or of all by the nil UUID, that a filter means and that died before a moment.';

create or replace function postrider.audit_replay(r postrider.replays, event_type text, reason text) returns void
    language sql set search_path = postrider, pg_temp as $$
    select require_partitions();
    insert into system_events (workspace_id, event_type, actor, payload)
    values (r.workspace_id, $2, coalesce(nullif(current_setting('app.actor', true), ''), session_user),
            jsonb_strip_nulls(jsonb_build_object('replayId', r.replay_id, 'action', r.action, 'filter', r.filter,
                'ratePerSecond', r.rate_per_second, 'matched', r.matched, 'done', r.done, 'skipped', r.skipped,
                'reason', $3)))
$$;
comment on function postrider.audit_replay is 'Adds to the audit trail what happened to a replay.';

create or replace function postrider.make_replay(
    workspace uuid, action text, filter jsonb, rate_per_second double precision, reason text, dry_run boolean
) returns jsonb language plpgsql set search_path = postrider, pg_temp set plan_cache_mode = force_custom_plan as $$
#variable_conflict use_column
declare
    wanted constant jsonb := checked_filter(make_replay.filter);
    made constant timestamptz := clock_timestamp();
    found_letters bigint;
    job replays;
begin
    if trim(make_replay.reason) = '' or make_replay.reason is null and make_replay.action = 'discard' then
        raise sqlstate 'PR400' using column = 'reason', message = 'reason is empty; say why';
    end if;
    if not make_replay.rate_per_second between 1e-6 and 1e6 then
        raise sqlstate 'PR400' using column = 'ratePerSecond', message = 'ratePerSecond has to be more than 0, and at most 1000000';
    end if;
    select count(*) into found_letters from matching_letters(workspace, wanted, null, made);
    if dry_run then
        return jsonb_build_object('matched', found_letters, 'sample', (
            select coalesce(jsonb_agg(dead_letter_id order by dead_letter_id), '[]')
              from (select dead_letter_id from matching_letters(workspace, wanted, null, made)
                     order by dead_letter_id limit 10) first_ones));
    end if;
    insert into replays (workspace_id, action, filter, rate_per_second, reason, actor, matched, created_at, due_at)
    values (workspace, make_replay.action, wanted, make_replay.rate_per_second, make_replay.reason,
            coalesce(nullif(current_setting('app.actor', true), ''), session_user), found_letters, made, made)
    returning * into job;
    perform audit_replay(job, 'replay.started', job.reason);
    return replay_json(job);
end $$;
comment on function postrider.make_replay is 'Makes a replay of the dead letters that a filter means and returns it; dry, it only counts them and names the first ten.';

create or replace function postrider.set_replay_status(workspace uuid, replay_id uuid, status text, reason text)
    returns jsonb language plpgsql set search_path = postrider, pg_temp as $$
#variable_conflict use_column
declare
    job replays;
begin
    if trim(set_replay_status.reason) = '' then
        raise sqlstate 'PR400' using column = 'reason', message = 'reason is empty; say why';
    end if;
    select * into job from replays
     where (workspace is null or workspace_id = workspace) and replay_id = set_replay_status.replay_id for update;
    if job.replay_id is null or job.replay_status = status then
        return replay_json(job);
    end if;
    if job.replay_status in ('completed', 'cancelled') then
        raise sqlstate 'PR409' using message = format('replay %s is %s already', job.replay_id, job.replay_status);
    end if;
    update replays set replay_status = status, ended_at = case status when 'cancelled' then clock_timestamp() end
     where workspace_id = job.workspace_id and replay_id = job.replay_id returning * into job;
    perform audit_replay(job, 'replay.' || case status when 'running' then 'resumed' else status end, set_replay_status.reason);
    return replay_json(job);
end $$;
comment on function postrider.set_replay_status is 'Pauses (paused), resumes (running) or cancels (cancelled) a replay and returns it; null when there is none.';

create or replace function postrider.start_replay(
    filter jsonb, rate_per_second double precision default null, reason text default null, dry_run boolean default false
) returns jsonb language sql security definer set search_path = postrider, pg_temp
return postrider.make_replay(postrider.required_workspace(), 'replay', filter, rate_per_second, reason, dry_run);
comment on function postrider.start_replay is 'Starts a replay of the workspace''s dead letters, or counts what it would do. Definer: the caller needs no right on the tables; the owner is bound to the active workspace.';

create or replace function postrider.change_replay(replay_id uuid, status text, reason text default null) returns jsonb
    language sql security definer set search_path = postrider, pg_temp
return postrider.set_replay_status(postrider.required_workspace(), replay_id, status, reason);
comment on function postrider.change_replay is 'Pauses, resumes or cancels a replay of the workspace; null when it has no such replay. Definer: the caller needs no right on the tables; the owner is bound to the active workspace.';

revoke execute on function postrider.checked_filter, postrider.matching_letters, postrider.audit_replay,
    postrider.make_replay, postrider.set_replay_status, postrider.start_replay, postrider.change_replay from public;
grant execute on function postrider.checked_filter, postrider.matching_letters, postrider.audit_replay,
    postrider.make_replay, postrider.set_replay_status to postrider_engine;
grant execute on function postrider.start_replay, postrider.change_replay to postrider_tenant;

set local role postrider_engine;
create or replace function postrider.start_replay_anywhere(
    action text, filter jsonb, rate_per_second double precision, reason text, dry_run boolean
) returns jsonb language plpgsql security definer set search_path = postrider, pg_temp as $$
declare
    workspace constant uuid := coalesce((filter ->> 'workspaceId')::uuid, '00000000-0000-0000-0000-000000000000');
begin
    if jsonb_exists(filter, 'workspaceId') and not exists (
        select from workspaces where workspace_id = workspace and workspace_status = 'active') then
        raise sqlstate 'PR404' using column = 'filter.workspaceId', message = format('workspace %s does not exist, or is not active', workspace);
    end if;
    return make_replay(workspace, action, filter - 'workspaceId', rate_per_second, reason, dry_run);
end $$;
comment on function postrider.start_replay_anywhere is 'Starts a replay, or a job that discards, of the dead letters of all workspaces, or of the filter''s workspaceId. Definer: operators may not write, and see all workspaces.';

create or replace function postrider.change_replay_anywhere(replay_id uuid, status text, reason text) returns jsonb
    language sql security definer set search_path = postrider, pg_temp
return postrider.set_replay_status(null, replay_id, status, reason);
comment on function postrider.change_replay_anywhere is 'Pauses, resumes or cancels any replay; null when there is none. Definer: operators may not write, and see all workspaces.';

-- One step of the replay that is due first: up to 500 dead letters, or one second's worth. The letters, the counts and how
-- far it has come change in one transaction, so that another node can go on after a crash. Behind its rate a replay
-- makes up for one second at most. A step that fails is due again in 5 s, so that the others have their turn.
-- Applications keep letters and ordering keys locked as long as they like: a step gives up soon, and comes again.
create or replace function postrider.step_replays() returns int
    language plpgsql security definer set search_path = postrider, pg_temp
    set plan_cache_mode = force_custom_plan set lock_timeout = '250ms' as $$
#variable_conflict use_column
declare
    job replays;
    size int;
    workspaces uuid[];
    letters uuid[];
    worked record;
begin
    select * into job from replays r
     where replay_status = 'running' and due_at <= clock_timestamp()
       and not exists (select from workspaces w where w.workspace_id = r.workspace_id and workspace_status = 'suspended')
     order by due_at limit 1 for update skip locked;
    if job.replay_id is not null then
        begin
            perform set_config('app.actor', job.actor, true);
            size := case when job.rate_per_second is null then 500 else least(500, greatest(1, floor(job.rate_per_second))) end;
            select array_agg(workspace_id order by dead_letter_id), array_agg(dead_letter_id order by dead_letter_id)
              into workspaces, letters
              from (select * from matching_letters(job.workspace_id, job.filter, job.last_letter, job.created_at)
                     order by dead_letter_id limit size) next_ones;
            if job.action = 'replay' then
                select count(*) filter (where waits) as done, count(*) filter (where not waits) as skipped into worked
                  from replay_letters(workspaces, letters, job.reason, job.replay_id);
            else
                -- bigint as above: a plan kept for "worked" would refuse another type.
                select count(*) as done, 0::bigint as skipped into worked
                  from discard_letters(workspaces, letters, job.reason, job.replay_id);
            end if;
            update replays
               set done = done + worked.done, skipped = skipped + worked.skipped, last_error = null,
                   last_letter = coalesce(letters[cardinality(letters)], last_letter),
                   due_at = coalesce(greatest(due_at, clock_timestamp() - interval '1 second')
                                     + size / rate_per_second * interval '1 second', clock_timestamp())
             where workspace_id = job.workspace_id and replay_id = job.replay_id returning * into job;
            if coalesce(cardinality(letters), 0) < size then
                update replays set replay_status = 'completed', ended_at = clock_timestamp()
                 where workspace_id = job.workspace_id and replay_id = job.replay_id;
                perform audit_replay(job, 'replay.completed', job.reason);
            end if;
        exception when others then
            update replays set last_error = sqlerrm, due_at = clock_timestamp() + interval '5 seconds'
             where workspace_id = job.workspace_id and replay_id = job.replay_id;
        end;
    end if;
    return (select least(1000, greatest(case when job.replay_id is null then 100 else 0 end,
                                        ceil(extract(epoch from min(due_at) - clock_timestamp()) * 1000)))
              from replays r
             where replay_status = 'running'
               and not exists (select from workspaces w where w.workspace_id = r.workspace_id and workspace_status = 'suspended')
            having count(*) > 0);
end $$;
comment on function postrider.step_replays is 'Makes a step of a replay that is due; returns in how many milliseconds to call again, up to 1000; null: none is running. Definer: nodes work for all workspaces, and the dispatcher may touch no table.';

revoke execute on function postrider.start_replay_anywhere, postrider.change_replay_anywhere, postrider.step_replays from public;
grant execute on function postrider.start_replay_anywhere, postrider.change_replay_anywhere to postrider_operator;
grant execute on function postrider.step_replays to postrider_dispatcher;
set local role postrider_owner;
