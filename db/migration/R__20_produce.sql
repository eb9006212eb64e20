-- What a team's applications call, in their own transactions. SECURITY DEFINER as the owner: the caller needs no right
-- on the tables, and the owner is bound by the policy of the active workspace like any tenant.
-- Migrations run with row_security off, so that a forgotten backfill fails; a function's body is only rewritten here.
set local row_security = on;

-- Runs after every statement that adds tasks: logs what was accepted, and wakes the nodes. NOTIFY takes a lock of the
-- whole cluster until the commit, so at most one open transaction may notify; what the others add is found by the poll.
create or replace function postrider.on_tasks_added() returns trigger
    language plpgsql security definer set search_path = postrider, pg_temp as $$
begin
    insert into accepted_log (workspace_id, kind, task_ids)
    select workspace_id, kind, array_agg(task_id) from added where replayed_at is null group by workspace_id, kind;
    if exists (select from added where ready) and pg_try_advisory_xact_lock(7077350513414132584) then
        perform pg_notify('postrider_wake', '');
    end if;
    return null;
end $$;
comment on function postrider.on_tasks_added is 'Logs accepted tasks and wakes the nodes. Definer: the log is written by nobody else; the owner is bound to the active workspace.';
create or replace trigger on_tasks_added after insert on postrider.background_tasks
    referencing new table as added for each statement execute function postrider.on_tasks_added();

create or replace function postrider.enqueue_task(
    task_type     text,
    payload       jsonb       default '{}',
    scheduled_at  timestamptz default now(),
    priority_rank int         default 0,
    unique_key    text        default null,
    ordering_key  text        default null
) returns uuid language plpgsql security definer set search_path = postrider, pg_temp as $$
#variable_conflict use_column
declare
    workspace constant uuid := required_workspace();
    due constant timestamptz := coalesce(enqueue_task.scheduled_at, now());
    id uuid;
begin
    if enqueue_task.ordering_key is not null then
        -- Held until the commit, so that ordering_seq rises in the order of commits.
        perform pg_advisory_xact_lock(hashtextextended(workspace::text || enqueue_task.ordering_key, 0));
    end if;
    loop
        insert into background_tasks as t (workspace_id, task_type, payload, scheduled_at, ready, priority_rank,
                                           unique_key, ordering_key, ordering_seq)
        values (workspace, enqueue_task.task_type, coalesce(enqueue_task.payload, '{}'), due, due <= now(),
                coalesce(enqueue_task.priority_rank, 0), enqueue_task.unique_key, enqueue_task.ordering_key,
                case when enqueue_task.ordering_key is not null then nextval('ordering_seq') end)
        on conflict (workspace_id, task_type, unique_key) where unique_key is not null do nothing
        returning t.task_id into id;
        exit when id is not null;
        select t.task_id into id from background_tasks t
         where t.workspace_id = workspace and t.task_type = enqueue_task.task_type
           and t.unique_key = enqueue_task.unique_key;
        exit when id is not null; -- else it ended between the two statements: insert again
    end loop;
    return id;
end $$;
comment on function postrider.enqueue_task is
    'Enqueues a task in the caller''s transaction and returns its id. A unique_key already waiting or running in this workspace and type returns that task''s id. Tasks of one ordering_key run one at a time, in the order of their commits. priority_rank is -100 to 100. Definer: the caller needs no right on the tables; the owner is bound to the active workspace.';

-- The status in which the task was found; null when it neither waited nor ran.
create or replace function postrider.cancel_found(task_id uuid) returns text
    language plpgsql security definer set search_path = postrider, pg_temp as $$
#variable_conflict use_column
declare
    workspace constant uuid := required_workspace();
    status text;
begin
    select task_status into status from background_tasks
     where workspace_id = workspace and task_id = cancel_found.task_id for update;
    if status is null then
        return null;
    end if;
    if status = 'processing' then
        update background_tasks set cancel_requested = true
         where workspace_id = workspace and task_id = cancel_found.task_id;
    else
        with gone as (delete from background_tasks
                       where workspace_id = workspace and task_id = cancel_found.task_id returning *)
        insert into task_history (task_id, workspace_id, kind, task_type, task_status, priority_rank, scheduled_at,
                                  worker_id, attempt_count, failure_count, claimed_at, created_at, reason, payload,
                                  last_error, attempts)
        select task_id, workspace_id, kind, task_type, 'cancelled', priority_rank, scheduled_at, worker_id,
               attempt_count, failure_count, claimed_at, created_at, 'cancelled while it waited', payload, last_error,
               attempts
          from gone;
    end if;
    perform audit('task.cancelled', jsonb_build_object('taskId', cancel_found.task_id, 'was', status));
    return status;
end $$;
comment on function postrider.cancel_found is 'Cancels like cancel_task, and returns the status in which the task was found. Definer: the caller needs no right on the tables; the owner is bound to the active workspace.';

create or replace function postrider.cancel_task(task_id uuid) returns boolean
    language sql security definer set search_path = postrider, pg_temp
return postrider.cancel_found(cancel_task.task_id) is not null;
comment on function postrider.cancel_task is
    'Cancels a waiting task; asks a running one to stop: it is not tried again. False when it is neither. Definer: the caller needs no right on the tables; the owner is bound to the active workspace.';

create or replace function postrider.publish_event(event_type text, payload jsonb, event_key text default null)
    returns uuid language plpgsql security definer set search_path = postrider, pg_temp as $$
#variable_conflict use_column
declare
    workspace constant uuid := required_workspace();
    content constant jsonb := coalesce(publish_event.payload, '{}');
    hash constant bytea := sha256(convert_to(publish_event.event_type || ' ' || content::text, 'UTF8'));
    id uuid := new_id();
    known event_keys;
begin
    if publish_event.event_key is not null then
        insert into event_keys as k (workspace_id, event_key, event_id, request_hash)
        values (workspace, publish_event.event_key, id, hash)
        on conflict (workspace_id, event_key) do update
            set event_id = excluded.event_id, request_hash = excluded.request_hash, created_at = now()
          where k.created_at < now() - interval '30 days';
        if not found then
            select * into known from event_keys
             where workspace_id = workspace and event_key = publish_event.event_key;
            if known.request_hash <> hash then
                raise sqlstate 'PR409' using
                    message = format('event key %L was used for another event within 30 days', publish_event.event_key),
                    hint = 'Give each event a key of its own; repeat a key only with the same type and payload.';
            end if;
            return known.event_id;
        end if;
    end if;
    insert into system_events (event_id, workspace_id, category, event_type, actor, payload)
    values (id, workspace, 'event', publish_event.event_type,
            coalesce(nullif(current_setting('app.actor', true), ''), session_user), content);
    with recipients as materialized (
        select new_id() as delivery_id, endpoint_id from webhook_endpoints e
         where workspace_id = workspace and enabled and deleted_at is null
           and exists (select from unnest(e.event_types) pattern
                        where pattern in ('*', publish_event.event_type)
                           or (right(pattern, 2) = '.*' and starts_with(publish_event.event_type, left(pattern, -1))))
    ), fan_out as (
        insert into deliveries (delivery_id, workspace_id, event_id, occurred_at, endpoint_id, event_type)
        select delivery_id, workspace, id, now(), endpoint_id, publish_event.event_type from recipients
    )
    insert into background_tasks (task_id, workspace_id, kind, task_type, ready, payload)
    select delivery_id, workspace, 'delivery', 'delivery', true,
           jsonb_build_object('eventId', id, 'occurredAt', now(), 'endpointId', endpoint_id)
      from recipients;
    return id;
end $$;
comment on function postrider.publish_event is
    'Records an event and one delivery per matching endpoint in the caller''s transaction; returns the event''s id. The same event_key within 30 days returns the first event''s id and delivers nothing twice; with another type or payload it is refused (PR409). Definer: the caller needs no right on the tables; the owner is bound to the active workspace.';

revoke execute on function postrider.on_tasks_added, postrider.enqueue_task, postrider.cancel_task,
    postrider.cancel_found, postrider.publish_event from public;
grant execute on function postrider.enqueue_task, postrider.cancel_task, postrider.publish_event
    to postrider_tenant, postrider_producer;
grant execute on function postrider.cancel_found to postrider_tenant;
