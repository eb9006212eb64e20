-- How operators steer the queue, over all workspaces, and each workspace its own tasks: pauses, shares and limits.
-- Whoever changes a row of task_limits sets its resume_at: the claim then releases what the row held back.
set local role postrider_engine;
-- Migrations run with row_security off, so that a forgotten backfill fails; a function's body is only rewritten here.
set local row_security = on;

create or replace function postrider.required_reason(reason text) returns text
    language plpgsql immutable as $$
begin
    if coalesce(trim(required_reason.reason), '') = '' then
        raise sqlstate 'PR400' using message = 'reason is missing: the audit trail keeps why';
    end if;
    return required_reason.reason;
end $$;
comment on function postrider.required_reason is 'The reason, or an error (PR400) when there is none.';

create or replace function postrider.required_future(until timestamptz) returns timestamptz
    language plpgsql stable as $$
begin
    if required_future.until is null or required_future.until <= now() then
        raise sqlstate 'PR400' using
            message = format('until has to be in the future, and not %s', required_future.until),
            hint = 'Say infinity for a pause that ends when somebody ends it.';
    end if;
    return required_future.until;
end $$;
comment on function postrider.required_future is 'The end of a pause, or an error (PR400) when it has passed.';

create or replace function postrider.audit_in(workspace uuid, event_type text, payload jsonb) returns void
    language sql set search_path = postrider, pg_temp
begin atomic
    select postrider.require_partitions();
    insert into postrider.system_events (workspace_id, event_type, actor, payload)
    values (audit_in.workspace, audit_in.event_type, coalesce(nullif(current_setting('app.actor', true), ''), session_user),
            audit_in.payload);
end;
comment on function postrider.audit_in is 'Adds a row to the audit trail of a workspace; the nil UUID is none. Called by functions of the engine.';

-- Types that no node has declared yet can be paused, too.
create or replace function postrider.set_task_type_pause(task_type text, until timestamptz, reason text) returns void
    language plpgsql set search_path = postrider, pg_temp as $$
#variable_conflict use_column
declare
    before timestamptz;
begin
    if set_task_type_pause.task_type !~ '^[a-z0-9][a-z0-9._-]{0,99}$' then
        raise sqlstate 'PR400' using message = format('taskType %L is no name of a task type', set_task_type_pause.task_type);
    end if;
    select paused_until into before from task_types t where t.task_type = set_task_type_pause.task_type for update;
    insert into task_types as t (task_type, paused_until) values (set_task_type_pause.task_type, set_task_type_pause.until)
    on conflict (task_type) do update set paused_until = excluded.paused_until;
    perform audit_in('00000000-0000-0000-0000-000000000000',
        case when set_task_type_pause.until is null then 'task-type.resumed' else 'task-type.paused' end,
        jsonb_build_object('taskType', set_task_type_pause.task_type, 'before', before, 'after', set_task_type_pause.until,
                           'reason', required_reason(set_task_type_pause.reason)));
    perform pg_notify('postrider_wake', '');
end $$;
comment on function postrider.set_task_type_pause is 'Pauses a task type, or ends its pause (null); audited. Called by the functions that operators call.';

create or replace function postrider.pause_task_type(task_type text, reason text, until timestamptz default 'infinity')
    returns void language sql security definer set search_path = postrider, pg_temp
begin atomic
    select postrider.set_task_type_pause(pause_task_type.task_type, postrider.required_future(pause_task_type.until),
                                         pause_task_type.reason);
end;
comment on function postrider.pause_task_type is 'From now on no node claims tasks of this type, until that moment or until it is resumed; what runs goes on, and what is enqueued waits. Audited. Definer: only the engine may write task types.';

create or replace function postrider.resume_task_type(task_type text, reason text) returns void
    language plpgsql security definer set search_path = postrider, pg_temp as $$
#variable_conflict use_column
begin
    if not exists (select from task_types t
                    where t.task_type = resume_task_type.task_type and paused_until > now()) then
        raise sqlstate 'PR409' using message = format('task type %s is not paused', resume_task_type.task_type);
    end if;
    perform set_task_type_pause(resume_task_type.task_type, null, resume_task_type.reason);
end $$;
comment on function postrider.resume_task_type is 'Ends the pause of a task type and wakes the nodes. Audited. Definer: only the engine may write task types.';

create or replace function postrider.set_workspace_pause(workspace_id uuid, until timestamptz, reason text) returns void
    language plpgsql set search_path = postrider, pg_temp as $$
#variable_conflict use_column
declare
    before timestamptz;
begin
    perform from workspaces w
      where w.workspace_id = set_workspace_pause.workspace_id and workspace_status <> 'deleted' for no key update;
    if not found then
        raise sqlstate 'PR404' using message = format('workspace %s does not exist', set_workspace_pause.workspace_id);
    end if;
    select paused_until into before from task_limits l
     where l.workspace_id = set_workspace_pause.workspace_id and limit_key = '' for no key update;
    insert into task_limits (workspace_id, limit_key, paused_until, resume_at)
    values (set_workspace_pause.workspace_id, '', set_workspace_pause.until, now())
    on conflict (workspace_id, limit_key) do update set paused_until = excluded.paused_until, resume_at = excluded.resume_at;
    perform audit_in(set_workspace_pause.workspace_id,
        case when set_workspace_pause.until is null then 'workspace.resumed' else 'workspace.paused' end,
        jsonb_build_object('before', before, 'after', set_workspace_pause.until,
                           'reason', required_reason(set_workspace_pause.reason)));
    perform pg_notify('postrider_wake', '');
end $$;
comment on function postrider.set_workspace_pause is 'Pauses the tasks of a workspace, or ends their pause (null); audited. Called by the functions that operators call.';

create or replace function postrider.pause_workspace(workspace_id uuid, reason text, until timestamptz default 'infinity')
    returns void language sql security definer set search_path = postrider, pg_temp
begin atomic
    select postrider.set_workspace_pause(pause_workspace.workspace_id, postrider.required_future(pause_workspace.until),
                                         pause_workspace.reason);
end;
comment on function postrider.pause_workspace is 'From now on no node claims tasks and deliveries of this workspace, until that moment or until it is resumed; its keys and sources work on, and what they bring waits. Audited. Definer: only the engine may write the limits of any workspace.';

create or replace function postrider.resume_workspace(workspace_id uuid, reason text) returns void
    language plpgsql security definer set search_path = postrider, pg_temp as $$
#variable_conflict use_column
begin
    if not exists (select from task_limits l
                    where l.workspace_id = resume_workspace.workspace_id and limit_key = '' and paused_until > now()) then
        raise sqlstate 'PR409' using message = format('workspace %s is not paused', resume_workspace.workspace_id);
    end if;
    perform set_workspace_pause(resume_workspace.workspace_id, null, resume_workspace.reason);
end $$;
comment on function postrider.resume_workspace is 'Ends the pause of a workspace and wakes the nodes. Audited. Definer: only the engine may write the limits of any workspace.';

-- A rate begins with a full bucket; one that stays as it was keeps what is in it.
create or replace function postrider.write_limit(workspace uuid, key text, max_running int, rate double precision) returns void
    language plpgsql set search_path = postrider, pg_temp as $$
#variable_conflict use_column
begin
    insert into task_limits as l (workspace_id, limit_key, max_running, rate_per_second, tokens, refilled_at, resume_at)
    values (write_limit.workspace, write_limit.key, write_limit.max_running, write_limit.rate,
            coalesce(greatest(1, write_limit.rate), 0), clock_timestamp(), now())
    on conflict (workspace_id, limit_key) do update
        set max_running = excluded.max_running, rate_per_second = excluded.rate_per_second, resume_at = excluded.resume_at,
            tokens = case when l.rate_per_second = excluded.rate_per_second then l.tokens else excluded.tokens end,
            refilled_at = case when l.rate_per_second = excluded.rate_per_second then l.refilled_at else excluded.refilled_at end;
    perform pg_notify('postrider_wake', '');
end $$;
comment on function postrider.write_limit is 'Writes a limit with null for what is not limited, and has the claim look again. Called by the functions that check and audit.';

create or replace function postrider.change_workspace_share(workspace_id uuid, changes jsonb, reason text) returns jsonb
    language plpgsql security definer set search_path = postrider, pg_temp as $$
#variable_conflict use_column
declare
    before jsonb;
    after jsonb;
begin
    perform from workspaces w
      where w.workspace_id = change_workspace_share.workspace_id and workspace_status <> 'deleted' for no key update;
    if not found then
        raise sqlstate 'PR404' using message = format('workspace %s does not exist', change_workspace_share.workspace_id);
    end if;
    before := workspace_share(change_workspace_share.workspace_id);
    after := before || change_workspace_share.changes;
    if coalesce((after ->> 'weight')::int not between 1 and 100, true) then
        raise sqlstate 'PR400' using message = 'weight has to be between 1 and 100';
    elsif (after ->> 'maxRunning')::int < 0 then
        raise sqlstate 'PR400' using message = 'maxRunning must not be negative';
    elsif (after ->> 'ratePerSecond')::double precision <= 0 or (after ->> 'ratePerSecond')::double precision > 1000000 then
        raise sqlstate 'PR400' using message = 'ratePerSecond has to be at least 0.000001, and at most 1000000';
    end if;
    update workspaces w set weight = (after ->> 'weight')::int where w.workspace_id = change_workspace_share.workspace_id;
    -- Tasks with a limit key count whenever they run, others only in a limited workspace: what runs now has to count, too.
    -- Tasks are locked before limits, as by those who end tasks.
    if after ->> 'maxRunning' is not null then
        update background_tasks t set counted = true
         where t.workspace_id = change_workspace_share.workspace_id and task_status = 'processing' and not counted;
    end if;
    perform write_limit(change_workspace_share.workspace_id, '', (after ->> 'maxRunning')::int,
                        (after ->> 'ratePerSecond')::double precision);
    perform audit_in(change_workspace_share.workspace_id, 'workspace.share-changed', jsonb_build_object(
        'before', before, 'after', after, 'reason', required_reason(change_workspace_share.reason)));
    return after;
end $$;
comment on function postrider.change_workspace_share is 'Changes of {"weight", "maxRunning", "ratePerSecond"} what is given; null is no limit. Audited. Definer: only the engine may write workspaces and the limits of any of them.';

create or replace function postrider.workspace_share(workspace_id uuid) returns jsonb
    language sql stable set search_path = postrider, pg_temp
begin atomic
    select jsonb_build_object('weight', w.weight, 'maxRunning', l.max_running, 'ratePerSecond', l.rate_per_second)
      from postrider.workspaces w
      left join postrider.task_limits l on l.workspace_id = w.workspace_id and l.limit_key = ''
     where w.workspace_id = workspace_share.workspace_id;
end;
comment on function postrider.workspace_share is 'The weight of a workspace and the limits of all its tasks.';

create or replace function postrider.set_workspace_share(
    workspace_id uuid, weight int, max_running int, rate_per_second double precision, reason text) returns void
    language sql security definer set search_path = postrider, pg_temp
begin atomic
    select postrider.change_workspace_share(set_workspace_share.workspace_id, jsonb_build_object(
        'weight', set_workspace_share.weight, 'maxRunning', set_workspace_share.max_running,
        'ratePerSecond', set_workspace_share.rate_per_second), set_workspace_share.reason);
end;
comment on function postrider.set_workspace_share is 'Sets the weight of a workspace (1 to 100), how many of its tasks run at once and how many begin in a second; null is no limit. Audited. Definer: only the engine may write workspaces and the limits of any of them.';

revoke execute on function postrider.required_reason, postrider.required_future, postrider.audit_in,
    postrider.set_task_type_pause, postrider.pause_task_type, postrider.resume_task_type, postrider.set_workspace_pause,
    postrider.pause_workspace, postrider.resume_workspace, postrider.write_limit, postrider.change_workspace_share,
    postrider.workspace_share, postrider.set_workspace_share from public;
grant execute on function postrider.pause_task_type, postrider.resume_task_type, postrider.pause_workspace,
    postrider.resume_workspace, postrider.change_workspace_share, postrider.set_workspace_share, postrider.workspace_share
    to postrider_operator;
grant execute on function postrider.write_limit to postrider_owner;
set local role postrider_owner;

create or replace function postrider.set_task_limit(
    limit_key text, max_running int default null, rate_per_second double precision default null) returns void
    language plpgsql security definer set search_path = postrider, pg_temp as $$
#variable_conflict use_column
declare
    workspace constant uuid := required_workspace();
    before jsonb;
begin
    if coalesce(char_length(set_task_limit.limit_key), 0) not between 1 and 255 then
        raise sqlstate 'PR400' using message = 'limitKey has to have 1 to 255 characters';
    elsif starts_with(set_task_limit.limit_key, 'endpoint:') then
        perform refuse_limit_key('limitKey');
    elsif set_task_limit.max_running < 0 then
        raise sqlstate 'PR400' using message = 'maxRunning must not be negative';
    elsif set_task_limit.rate_per_second < 0.000001 or set_task_limit.rate_per_second > 1000000 then
        raise sqlstate 'PR400' using message = 'ratePerSecond has to be at least 0.000001, and at most 1000000';
    end if;
    select limit_json(l) into before from task_limits l
     where workspace_id = workspace and l.limit_key = set_task_limit.limit_key for no key update; -- a stronger lock would make the end of tasks wait
    if not found and set_task_limit.max_running is null and set_task_limit.rate_per_second is null then
        return;
    end if;
    perform write_limit(workspace, set_task_limit.limit_key, set_task_limit.max_running, set_task_limit.rate_per_second);
    perform audit('task-limit.changed', jsonb_build_object('limitKey', set_task_limit.limit_key, 'before', before, 'after',
        (select limit_json(l) from task_limits l where workspace_id = workspace and l.limit_key = set_task_limit.limit_key)));
end $$;
comment on function postrider.set_task_limit is 'Limits how many tasks of a limit key of this workspace run at once, over all nodes, and how many begin in a second; without both the limit is removed. Audited. Definer: the caller needs no right on the tables; the owner is bound to the active workspace.';

create or replace function postrider.limit_json(l postrider.task_limits) returns jsonb
    language sql immutable parallel safe
return jsonb_build_object('limitKey', l.limit_key, 'maxRunning', l.max_running, 'ratePerSecond', l.rate_per_second);
comment on function postrider.limit_json is 'A limit as the API shows it.';

revoke execute on function postrider.set_task_limit, postrider.limit_json from public;
grant execute on function postrider.set_task_limit to postrider_tenant, postrider_producer;
grant execute on function postrider.limit_json to postrider_tenant;
