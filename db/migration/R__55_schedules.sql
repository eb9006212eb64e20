-- How schedules tick, and who changed them. The database's clock decides what is due; when a schedule ticks next is
-- computed by the node that asks, because cron expressions and time zones are read by Java alone.
-- Migrations run with row_security off, so that a forgotten backfill fails; a function's body is only rewritten here.
set local row_security = on;

create or replace function postrider.on_schedule_changed() returns trigger
    language plpgsql security definer set search_path = postrider, pg_temp as $$
declare
    hidden constant text[] := '{workspace_id,payload,next_tick_at,ticked_to,last_tick_at,last_task_id,created_at,updated_at}';
begin
    perform audit(
        case when tg_op = 'INSERT' then 'schedule.created'
             when tg_op = 'DELETE' then 'schedule.deleted'
             when old.enabled and not new.enabled then 'schedule.disabled'
             when new.enabled and not old.enabled then 'schedule.enabled'
             else 'schedule.updated' end,
        jsonb_build_object('scheduleId', coalesce(new.schedule_id, old.schedule_id),
                           'before', to_jsonb(old) - hidden, 'after', to_jsonb(new) - hidden));
    return null;
end $$;
comment on function postrider.on_schedule_changed is 'Writes changes of schedules to the audit trail; their ticks are none. Definer: tenants may change their schedules, but not write the audit trail.';
create or replace trigger on_schedule_changed
    after insert or delete or update of task_type, payload, cron, every, time_zone, missed, enabled on postrider.schedules
    for each row when (postrider.active_workspace() is not null) -- else it is a migration, a superuser, or an erasure
    execute function postrider.on_schedule_changed();
revoke execute on function postrider.on_schedule_changed from public;

set local role postrider_engine;

-- Without a lock: whoever hands a tick out locks its schedule then, and finds out whether another node was first.
-- What failed when this node last tried it (it remembers up to 1,000) comes last, the longest ago first: a hundred of them
-- in front would leave no room.
drop function if exists postrider.due_schedules();
create or replace function postrider.due_schedules(failed uuid[] default '{}')
    returns table (workspace_id uuid, schedule_id uuid, cron text, every bigint, time_zone text, missed text,
                   next_tick_at timestamptz, ticked_to uuid, asked_at timestamptz, wait bigint)
    language sql stable security definer set search_path = postrider, pg_temp as $$
    with later as (
        select min(next_tick_at) as at from schedules where next_tick_at > now()
    ), due as (
        select * from (select * from schedules where next_tick_at <= now() order by next_tick_at limit 1100) earliest
         order by coalesce(array_position(failed, schedule_id), 0), next_tick_at limit 100
    )
    select workspace_id, schedule_id, cron, every, time_zone, missed, next_tick_at, ticked_to, now(),
           ceil(extract(epoch from later.at - now()) * 1000)::bigint
      from later left join due on true
$$;
comment on function postrider.due_schedules is
    'Up to 100 schedules whose tick is due, those that failed before last, and in how many milliseconds another one is (null: none); one row without a schedule if none is due. Definer: a node serves all workspaces, and the dispatcher may read no table.';

-- The fence is the tick and how far it came: a node that is second, or computed before a change, finds it changed.
-- A schedule of a suspended workspace goes on without tasks, one of a deleted workspace ticks no more.
-- A global tick is handed out in steps; each writes in its transaction how far it came, in the order of workspaces' ids.
create or replace function postrider.tick_schedule(
    workspace_id uuid, schedule_id uuid, due timestamptz, ticked_to uuid, ticks timestamptz[], next_tick_at timestamptz)
    returns boolean language plpgsql security definer set search_path = postrider, pg_temp as $$
#variable_conflict use_column
declare
    no_workspace constant uuid := '00000000-0000-0000-0000-000000000000';
    schedule schedules;
    owner_status text;
    targets uuid[] := '{}';
    target uuid;
    tick timestamptz;
    task uuid;
begin
    select * into schedule from schedules s
     where s.workspace_id = tick_schedule.workspace_id and s.schedule_id = tick_schedule.schedule_id
       and s.next_tick_at = tick_schedule.due and s.ticked_to is not distinct from tick_schedule.ticked_to
       for no key update skip locked;
    if not found then
        return false;
    end if;

    if schedule.workspace_id = no_workspace then
        targets := array (select w.workspace_id from workspaces w
                           where w.workspace_status = 'active' and w.workspace_id > coalesce(schedule.ticked_to, no_workspace)
                           order by w.workspace_id limit 1000);
    else
        select w.workspace_status into owner_status from workspaces w where w.workspace_id = schedule.workspace_id;
        if owner_status = 'active' then
            targets := array [schedule.workspace_id];
        end if;
    end if;

    foreach target in array targets loop
        perform set_config('app.active_workspace', target::text, true);
        foreach tick in array tick_schedule.ticks loop
            task := enqueue_task(task_type => schedule.task_type,
                                 payload => schedule.payload || jsonb_build_object('scheduledFor', utc(tick)),
                                 scheduled_at => tick);
        end loop;
    end loop;
    perform set_config('app.active_workspace', '', true);

    if schedule.workspace_id = no_workspace and tick is not null and cardinality(targets) = 1000 then
        update schedules s set next_tick_at = tick, ticked_to = target, last_tick_at = tick
         where s.workspace_id = schedule.workspace_id and s.schedule_id = schedule.schedule_id;
    else
        update schedules s
           set next_tick_at = case when owner_status is distinct from 'deleted' then tick_schedule.next_tick_at end,
               ticked_to = null, last_tick_at = coalesce(tick, last_tick_at),
               last_task_id = case when schedule.workspace_id <> no_workspace then coalesce(task, last_task_id) end
         where s.workspace_id = schedule.workspace_id and s.schedule_id = schedule.schedule_id;
    end if;
    return true;
end $$;
comment on function postrider.tick_schedule is
    'Enqueues the tasks of a schedule''s ticks and writes its next one, in one transaction; false if its tick is no longer the one due, or another node is at it. Ticks of a global schedule come one at a time, and a call serves up to 1,000 workspaces. Definer: a node serves all workspaces, and the dispatcher may write no table.';

revoke execute on function postrider.due_schedules, postrider.tick_schedule from public;
grant execute on function postrider.due_schedules, postrider.tick_schedule to postrider_dispatcher;
set local role postrider_owner;
