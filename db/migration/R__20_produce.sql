-- What a team's applications call, in their own transactions. SECURITY DEFINER as the owner: the caller needs no right
-- on the tables, and the owner is bound by the policy of the active workspace like any tenant.
-- Migrations run with row_security off, so that a forgotten backfill fails; a function's body is only rewritten here.
set local row_security = on;

-- Whatever adds tasks calls this in the same transaction: a trigger that does it costs a single task a quarter of all it
-- costs. NOTIFY takes a lock of the whole cluster until the commit, so of the transactions that began to add tasks in
-- the same 50 ms one at a time may notify; what the others add is found by the poll, which is quick then. A transaction
-- that stays open for long keeps only its first 50 ms to itself: its one notification comes with its commit.
drop trigger if exists on_tasks_added on postrider.background_tasks;
drop function if exists postrider.on_tasks_added();
create or replace function postrider.tasks_added(workspace uuid, kind text, accepted uuid[], due boolean) returns void
    language plpgsql set search_path = postrider, pg_temp as $$
begin
    if cardinality(accepted) > 0 then
        perform require_partitions();
        insert into accepted_log (workspace_id, kind, task_ids) values (workspace, tasks_added.kind, accepted);
    end if;
    if due and coalesce(current_setting('postrider.wakes', true), '') = ''
       and pg_try_advisory_xact_lock(707735051, (extract(epoch from clock_timestamp()) * 20)::bigint::bit(31)::int) then
        perform pg_notify('postrider_wake', ''), set_config('postrider.wakes', 'true', true);
    end if;
end $$;
comment on function postrider.tasks_added is 'Logs accepted tasks of a workspace, and wakes the nodes if some are due.';

-- The lock on a task that is waited for lasts until the commit: its end is not recorded before, and so finds who waits.
create or replace function postrider.await_tasks(task_id uuid, after uuid[]) returns void
    language plpgsql security definer set search_path = postrider, pg_temp set enable_seqscan = off as $$
#variable_conflict use_column
declare
    workspace constant uuid := required_workspace();
    awaited_id uuid;
    fate text;
begin
    for awaited_id in select distinct id from unnest(await_tasks.after) id where id is not null order by id loop
        loop
            fate := null;
            update background_tasks set awaited = true where workspace_id = workspace and task_id = awaited_id;
            exit when found;
            select status into fate from tasks
             where workspace_id = workspace and task_id = awaited_id
               and (completed_at is null or completed_at >= id_time(awaited_id));
            continue when fate in ('queued', 'processing'); -- it was replayed between the two statements
            if fate is null then
                raise sqlstate 'PR404' using
                    message = format('after: task %s does not exist', awaited_id),
                    hint = 'Name tasks of this workspace, or enqueue them before.';
            end if;
            exit;
        end loop;
        if fate is distinct from 'completed' then
            insert into task_dependencies (workspace_id, after_id, task_id)
            values (workspace, awaited_id, await_tasks.task_id);
            update background_tasks set waits_for = waits_for + 1, ready = false, held_by = 'tasks'
             where workspace_id = workspace and task_id = await_tasks.task_id;
        end if;
        if fate <> 'completed' then
            perform end_awaited(array [workspace], array [awaited_id],
                                case fate when 'dead' then 'dead-lettered' else fate end);
            return;
        end if;
    end loop;
end $$;
comment on function postrider.await_tasks is 'Makes a new task wait until others have completed; it is a dead letter at once when one of them has ended otherwise. An unknown one is refused (PR404). Definer: called by enqueue_task only.';

-- The API takes far less (postrider.limits.payload), which the database does not know. Nodes load 64 payloads at once.
create or replace function postrider.checked_payload(payload jsonb) returns jsonb
    language plpgsql immutable set search_path = postrider, pg_temp as $$
begin
    if octet_length(payload::text) > 1048576 then
        raise sqlstate 'PR400' using column = 'payload',
            message = format('payload: has %s bytes, and the most is 1048576', octet_length(payload::text)),
            hint = 'Store what is large elsewhere, and send where it is.';
    end if;
    return coalesce(payload, '{}');
end $$;
comment on function postrider.checked_payload is 'A payload, or an empty object without one; refused (PR400) if it has more than 1 MiB as text. Called by what makes tasks and events.';

create or replace function postrider.refuse_limit_key(field text) returns void
    language plpgsql immutable set search_path = postrider, pg_temp as $$
begin
    raise sqlstate 'PR400' using column = refuse_limit_key.field,
        message = format('%s must not begin with endpoint:, which is for deliveries; give an endpoint rateLimit or concurrency', field);
end $$;
comment on function postrider.refuse_limit_key is 'Says (PR400) that a limit key is one of those of endpoints.';

drop function if exists postrider.enqueue_task(text, jsonb, timestamptz, int, text, text);
create or replace function postrider.enqueue_task(
    task_type     text,
    payload       jsonb       default '{}',
    scheduled_at  timestamptz default now(),
    priority_rank int         default 0,
    unique_key    text        default null,
    ordering_key  text        default null,
    limit_key     text        default null,
    after         uuid[]      default null
) returns uuid language plpgsql security definer set search_path = postrider, pg_temp set enable_seqscan = off as $$
#variable_conflict use_column
declare
    workspace constant uuid := required_workspace();
    due constant timestamptz := coalesce(enqueue_task.scheduled_at, now());
    content constant jsonb := checked_payload(enqueue_task.payload);
    id uuid;
begin
    if starts_with(enqueue_task.limit_key, 'endpoint:') then
        perform refuse_limit_key('limitKey');
    end if;
    if enqueue_task.ordering_key is not null then
        -- Held until the commit, so that ordering_seq rises in the order of commits.
        perform pg_advisory_xact_lock(hashtextextended(workspace::text || enqueue_task.ordering_key, 0));
    end if;
    if enqueue_task.unique_key is null then
        -- Without "on conflict", which writes every row twice to the log.
        insert into background_tasks (workspace_id, task_type, payload, scheduled_at, ready, priority_rank,
                                      ordering_key, ordering_seq, limit_key)
        values (workspace, enqueue_task.task_type, content, due, due <= now(),
                coalesce(enqueue_task.priority_rank, 0), enqueue_task.ordering_key,
                case when enqueue_task.ordering_key is not null then nextval('ordering_seq') end, enqueue_task.limit_key)
        returning task_id into id;
    else
        loop
            insert into background_tasks as t (workspace_id, task_type, payload, scheduled_at, ready, priority_rank,
                                               unique_key, ordering_key, ordering_seq, limit_key)
            values (workspace, enqueue_task.task_type, content, due, due <= now(),
                    coalesce(enqueue_task.priority_rank, 0), enqueue_task.unique_key, enqueue_task.ordering_key,
                    case when enqueue_task.ordering_key is not null then nextval('ordering_seq') end,
                    enqueue_task.limit_key)
            on conflict (workspace_id, task_type, unique_key) where unique_key is not null do nothing
            returning t.task_id into id;
            exit when id is not null;
            select t.task_id into id from background_tasks t
             where t.workspace_id = workspace and t.task_type = enqueue_task.task_type
               and t.unique_key = enqueue_task.unique_key;
            if id is not null then
                return id;
            end if; -- else it ended between the two statements: insert again
        end loop;
    end if;
    perform tasks_added(workspace, 'task', array [id], due <= now());
    if cardinality(enqueue_task.after) > 0 then
        perform await_tasks(id, enqueue_task.after);
    end if;
    return id;
end $$;
comment on function postrider.enqueue_task is
    'Enqueues a task in the caller''s transaction and returns its id. A unique_key already waiting or running in this workspace and type returns that task''s id. Tasks of one ordering_key run one at a time, in the order of their commits. Tasks of one limit_key share the limit that set_task_limit gives it. after names tasks that must complete first. priority_rank is -100 to 100. A payload of more than 1 MiB is refused (PR400). Definer: the caller needs no right on the tables; the owner is bound to the active workspace.';

-- Tasks that wait for others, or may not be new, are enqueued one after the other; those that name each other by ref in
-- an order in which every name is known.
create or replace function postrider.enqueue_each(tasks jsonb) returns uuid[]
    language plpgsql security definer set search_path = postrider, pg_temp as $$
declare
    ids uuid[] := array_fill(null::uuid, array [jsonb_array_length(tasks)]);
    refs constant text[] := array (select e ->> 'ref' from jsonb_array_elements(tasks) e where e ? 'ref');
    named jsonb := '{}';
    task record;
    at int := 0;
    wrong text;
    progressed boolean;
begin
    loop
        progressed := false;
        for task in select n, r.* from jsonb_array_elements(tasks) with ordinality as e (item, n)
                     cross join lateral jsonb_to_record(item) as r (
                           "taskType" text, payload jsonb, "scheduledAt" timestamptz, "priorityRank" int,
                           "uniqueKey" text, "orderingKey" text, "limitKey" text, after text[], ref text)
                     where ids[n] is null order by n loop
            at := task.n - 1;
            continue when exists (select from unnest(task.after) a where a = any (refs) and not named ? a);
            select min(a) into wrong from unnest(task.after) a where not named ? a and not pg_input_is_valid(a, 'uuid');
            if wrong is not null then
                raise sqlstate 'PR400' using
                    message = format('after: %s is neither the id of a task nor the ref of one of this batch', wrong);
            end if;
            ids[task.n] := enqueue_task(task."taskType", task.payload, task."scheduledAt", task."priorityRank",
                task."uniqueKey", task."orderingKey", task."limitKey",
                array (select coalesce(named ->> a, a)::uuid from unnest(task.after) a));
            if task.ref is not null then
                named := named || jsonb_build_object(task.ref, ids[task.n]);
            end if;
            progressed := true;
        end loop;
        exit when array_position(ids, null) is null;
        if not progressed then
            at := array_position(ids, null) - 1;
            raise sqlstate 'PR400' using message = 'after: these tasks wait for each other in a circle';
        end if;
    end loop;
    return ids;
exception when sqlstate 'PR400' or sqlstate 'PR404' then
    raise exception using errcode = sqlstate, message = format('tasks[%s].%s', at, sqlerrm);
end $$;
comment on function postrider.enqueue_each is 'Enqueues tasks one by one. Definer: called by enqueue_tasks only.';

create or replace function postrider.enqueue_tasks(tasks jsonb) returns uuid[]
    language plpgsql security definer set search_path = postrider, pg_temp as $$
#variable_conflict use_column
declare
    workspace constant uuid := required_workspace();
    fields constant text[] := '{taskType,payload,scheduledAt,priorityRank,uniqueKey,orderingKey,limitKey,after,ref}';
    seen record;
    ids uuid[];
    wrong text;
begin
    if jsonb_typeof(enqueue_tasks.tasks) is distinct from 'array' then
        raise sqlstate 'PR400' using message = 'tasks is no array';
    end if;
    -- One look at all of them for what most are made of; a second one for the rest, or to say what is wrong.
    select coalesce(bool_and(case jsonb_typeof(task)
                                 when 'object' then task - '{taskType,payload,priorityRank,limitKey}'::text[] = '{}'
                                                    and coalesce(jsonb_typeof(task -> 'taskType') = 'string', false)
                                 else false end), true) as plain,
           min(n) filter (where starts_with(task ->> 'limitKey', 'endpoint:')) - 1 as reserved,
           false as one_by_one, false as ordered, jsonb_array_length(enqueue_tasks.tasks) > 0 as due
      into seen from jsonb_array_elements(enqueue_tasks.tasks) with ordinality as e (task, n);
    if seen.reserved is not null then
        perform refuse_limit_key(format('tasks[%s].limitKey', seen.reserved));
    end if;
    if not seen.plain then
        select format('tasks[%s]%s', n - 1,
                      case when jsonb_typeof(task) <> 'object' then ' is no object'
                           when task - fields <> '{}' then format('.%s is no field of a task', (select min(key) from jsonb_object_keys(task - fields) key))
                           when jsonb_typeof(task -> 'taskType') is distinct from 'string' then '.taskType is missing'
                           else format('.ref: %s names another task of this batch, too', task -> 'ref') end)
          into wrong
          from (select task, n, count(*) over (partition by task -> 'ref') as same
                  from jsonb_array_elements(enqueue_tasks.tasks) with ordinality as e (task, n)) checked
         where case jsonb_typeof(task)
                   when 'object' then task - fields <> '{}' or jsonb_typeof(task -> 'taskType') is distinct from 'string'
                                      or (task ? 'ref' and same > 1)
                   else true end
         order by n limit 1;
        if wrong is not null then
            raise sqlstate 'PR400' using message = wrong;
        end if;
        select false as plain, null::bigint as reserved, bool_or(task ?| '{uniqueKey,after}') as one_by_one, bool_or(task ? 'orderingKey') as ordered,
               bool_or(coalesce((task ->> 'scheduledAt')::timestamptz <= now(), true)) as due
          into seen from jsonb_array_elements(enqueue_tasks.tasks) task;
    end if;
    if octet_length(enqueue_tasks.tasks::text) > 1048576 then
        select format('tasks[%s].payload: has %s bytes, and the most is 1048576', n - 1, octet_length(task ->> 'payload'))
          into wrong from jsonb_array_elements(enqueue_tasks.tasks) with ordinality as e (task, n)
         where octet_length(task ->> 'payload') > 1048576 order by n limit 1;
        if wrong is not null then
            raise sqlstate 'PR400' using message = wrong;
        end if;
    end if;
    if seen.one_by_one then
        return enqueue_each(enqueue_tasks.tasks);
    end if;
    if seen.ordered then
        -- Held until the commit, so that ordering_seq rises in the order of commits; in one order, or two batches could
        -- wait for each other.
        perform pg_advisory_xact_lock(lock)
           from (select distinct hashtextextended(workspace::text || (task ->> 'orderingKey'), 0) as lock
                   from jsonb_array_elements(enqueue_tasks.tasks) task where task ? 'orderingKey' order by 1) locks;
    end if;
    ids := array (select new_id() from generate_series(1, jsonb_array_length(enqueue_tasks.tasks)));
    insert into background_tasks (task_id, workspace_id, task_type, payload, scheduled_at, ready, priority_rank,
                                  ordering_key, ordering_seq, limit_key)
    select ids[n], workspace, "taskType", coalesce(payload, '{}'), coalesce("scheduledAt", now()),
           coalesce("scheduledAt" <= now(), true), coalesce("priorityRank", 0), "orderingKey",
           case when "orderingKey" is not null then nextval('ordering_seq') end, "limitKey"
      from rows from (jsonb_to_recordset(enqueue_tasks.tasks) as (
               "taskType" text, payload jsonb, "scheduledAt" timestamptz, "priorityRank" int, "orderingKey" text,
               "limitKey" text)) with ordinality as r (
               "taskType", payload, "scheduledAt", "priorityRank", "orderingKey", "limitKey", n);
    perform tasks_added(workspace, 'task', ids, seen.due);
    return ids;
end $$;
comment on function postrider.enqueue_tasks is
    'Enqueues an array of tasks in the caller''s transaction, all or none, and returns their ids in the same order: objects with taskType, payload, scheduledAt, priorityRank, uniqueKey, orderingKey, limitKey, as for enqueue_task, and after: ids of tasks that must complete first, or the ref of another task of the array. Refused with the field and the reason (PR400). Definer: the caller needs no right on the tables; the owner is bound to the active workspace.';

-- The status in which the task was found; null when it neither waited nor ran.
create or replace function postrider.cancel_found(task_id uuid) returns text
    language plpgsql security definer set search_path = postrider, pg_temp set enable_seqscan = off as $$
#variable_conflict use_column
declare
    workspace constant uuid := required_workspace();
    task background_tasks;
begin
    perform require_partitions();
    select * into task from background_tasks
     where workspace_id = workspace and task_id = cancel_found.task_id for update;
    if task.task_status is null then
        return null;
    end if;
    if task.task_status = 'processing' then
        update background_tasks set cancel_requested = true
         where workspace_id = workspace and task_id = cancel_found.task_id;
        perform pg_notify('postrider_wake', 'cancel');
    else
        delete from task_dependencies where workspace_id = workspace and task_id = cancel_found.task_id;
        delete from background_tasks where workspace_id = workspace and task_id = cancel_found.task_id;
        insert into task_history (task_id, workspace_id, kind, task_type, task_status, priority_rank, scheduled_at,
                                  worker_id, attempt_count, failure_count, claimed_at, created_at, reason, payload,
                                  last_error, attempts)
        values (task.task_id, workspace, task.kind, task.task_type, 'cancelled', task.priority_rank, task.scheduled_at,
                task.worker_id, task.attempt_count, task.failure_count, task.claimed_at, task.created_at,
                'cancelled while it waited', task.payload, task.last_error, task.attempts);
        if task.ordering_key is not null then
            perform release_next(array [workspace], null, array [task.ordering_key]);
        end if;
        if task.awaited then
            perform end_awaited(array [workspace], array [task.task_id], 'cancelled');
        end if;
    end if;
    perform audit('task.cancelled', jsonb_build_object('taskId', cancel_found.task_id, 'was', task.task_status));
    return task.task_status;
end $$;
comment on function postrider.cancel_found is 'Cancels like cancel_task, and returns the status in which the task was found. Definer: the caller needs no right on the tables; the owner is bound to the active workspace.';

create or replace function postrider.cancel_task(task_id uuid) returns boolean
    language sql security definer set search_path = postrider, pg_temp
return postrider.cancel_found(cancel_task.task_id) is not null;
comment on function postrider.cancel_task is
    'Cancels a waiting task, and those that wait for it to complete become dead letters; interrupts a running one, which is not tried again. False when it is neither. Definer: the caller needs no right on the tables; the owner is bound to the active workspace.';

-- The publisher's transaction must not fail for what somebody's endpoint asks: "silent" lets errors through, such as of
-- variables. Times without a zone are UTC, whatever the session says.
create or replace function postrider.passes_filter(payload jsonb, filter text) returns boolean
    language plpgsql stable set search_path = postrider, pg_temp set timezone = 'UTC' as $$
begin
    return coalesce(jsonb_path_match_tz(payload, filter::jsonpath, '{}', true), false);
exception when others then
    return false;
end $$;
comment on function postrider.passes_filter is 'Whether a filter is true of a payload; one that cannot be answered for it is not. Called by fan_out.';

create or replace function postrider.ordering_value(payload jsonb, path text) returns text
    language plpgsql stable set search_path = postrider, pg_temp set timezone = 'UTC' as $$
begin
    return jsonb_path_query_first_tz(payload, path::jsonpath, '{}', true)::text;
exception when others then
    return null;
end $$;
comment on function postrider.ordering_value is 'What a path finds in a payload; null if it finds nothing, or cannot be followed: then the event waits for no other. Called by fan_out.';

-- The keys are locked until the commit, so that ordering_seq rises in the order of commits; in one order, or two events
-- could wait for each other.
create or replace function postrider.fan_out(workspace uuid, event_id uuid, event_type text, payload jsonb, only_to uuid)
    returns uuid[] language plpgsql set search_path = postrider, pg_temp as $$
#variable_conflict use_column
declare
    recipients record;
begin
    select array_agg(new_id()) as deliveries, array_agg(endpoint_id) as endpoints,
           array_agg((select limit_key from task_limits l
                       where l.workspace_id = workspace and l.limit_key = endpoint_key(e.endpoint_id))) as limit_keys,
           array_agg(case when ordering = 'endpoint' then endpoint_key(endpoint_id)
                          when ordering is not null then endpoint_key(endpoint_id) || ':' || encode(sha256(convert_to(
                              ordering_value(fan_out.payload, ordering), 'UTF8')), 'hex')
                     end) as ordering_keys,
           bool_or(ordering is not null) as ordered
      into recipients
      from webhook_endpoints e
     where workspace_id = workspace and enabled and deleted_at is null
       and case when fan_out.only_to is not null then endpoint_id = fan_out.only_to
                else exists (select from unnest(e.event_types) pattern
                              where pattern in ('*', fan_out.event_type)
                                 or (right(pattern, 2) = '.*' and starts_with(fan_out.event_type, left(pattern, -1))))
                     and (filter is null or passes_filter(fan_out.payload, filter))
           end;
    if recipients.deliveries is null then
        return '{}';
    end if;
    if recipients.ordered then
        perform pg_advisory_xact_lock(lock)
           from (select distinct hashtextextended(workspace::text || key, 0) as lock
                   from unnest(recipients.ordering_keys) key where key is not null order by 1) locks;
    end if;
    insert into deliveries (delivery_id, workspace_id, event_id, occurred_at, endpoint_id, event_type)
    select delivery, workspace, fan_out.event_id, now(), endpoint, fan_out.event_type
      from unnest(recipients.deliveries, recipients.endpoints) as r (delivery, endpoint);
    insert into background_tasks (task_id, workspace_id, kind, task_type, ready, payload, limit_key, ordering_key, ordering_seq)
    select delivery, workspace, 'delivery', 'delivery', true,
           jsonb_build_object('eventId', fan_out.event_id, 'occurredAt', now(), 'endpointId', endpoint), limit_key, ordering_key,
           case when ordering_key is not null then nextval('ordering_seq') end
      from unnest(recipients.deliveries, recipients.endpoints, recipients.limit_keys, recipients.ordering_keys)
           as r (delivery, endpoint, limit_key, ordering_key);
    perform tasks_added(workspace, 'delivery', recipients.deliveries, true);
    return recipients.deliveries;
end $$;
comment on function postrider.fan_out is 'Makes a delivery of an event for each endpoint that wants it, or for one endpoint whatever it wants; returns their ids. Called by publish_event and test_endpoint.';

create or replace function postrider.publish_event(event_type text, payload jsonb, event_key text default null)
    returns uuid language plpgsql security definer set search_path = postrider, pg_temp as $$
#variable_conflict use_column
declare
    workspace constant uuid := required_workspace();
    content constant jsonb := checked_payload(publish_event.payload);
    hash constant bytea := sha256(convert_to(publish_event.event_type || ' ' || content::text, 'UTF8'));
    id uuid := new_id();
    known event_keys;
begin
    perform require_partitions();
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
    perform fan_out(workspace, id, publish_event.event_type, content, null);
    return id;
end $$;
comment on function postrider.publish_event is
    'Records an event and one delivery per matching endpoint in the caller''s transaction; returns the event''s id. The same event_key within 30 days returns the first event''s id and delivers nothing twice; with another type or payload it is refused (PR409), and so is a payload of more than 1 MiB (PR400). Definer: the caller needs no right on the tables; the owner is bound to the active workspace.';

create or replace function postrider.test_endpoint(endpoint_id uuid) returns jsonb
    language plpgsql security definer set search_path = postrider, pg_temp as $$
#variable_conflict use_column
declare
    workspace constant uuid := required_workspace();
    endpoint webhook_endpoints;
    content jsonb;
    id uuid := new_id();
begin
    perform require_partitions();
    select * into endpoint from webhook_endpoints e
     where e.workspace_id = workspace and e.endpoint_id = test_endpoint.endpoint_id and deleted_at is null;
    if endpoint.endpoint_id is null then
        return null;
    elsif not endpoint.enabled then
        raise sqlstate 'PR409' using message = format('endpoint %s is disabled; enable it, then test it', test_endpoint.endpoint_id);
    end if;
    content := jsonb_build_object('endpointId', test_endpoint.endpoint_id, 'message', 'A test of this endpoint: nothing has happened.');
    insert into system_events (event_id, workspace_id, category, event_type, actor, payload)
    values (id, workspace, 'event', 'endpoint.test', coalesce(nullif(current_setting('app.actor', true), ''), session_user), content);
    return jsonb_build_object('eventId', id, 'deliveryId', (fan_out(workspace, id, 'endpoint.test', content, test_endpoint.endpoint_id))[1]);
end $$;
comment on function postrider.test_endpoint is 'Delivers an event endpoint.test to one endpoint, whatever it subscribes to; returns eventId and deliveryId, or null when there is no such endpoint. Definer: the caller needs no right on the tables; the owner is bound to the active workspace.';

revoke execute on function postrider.tasks_added, postrider.await_tasks, postrider.checked_payload, postrider.refuse_limit_key, postrider.enqueue_task,
    postrider.enqueue_each, postrider.enqueue_tasks, postrider.cancel_task, postrider.cancel_found,
    postrider.publish_event, postrider.fan_out, postrider.passes_filter, postrider.ordering_value,
    postrider.test_endpoint from public;
grant execute on function postrider.enqueue_task, postrider.enqueue_tasks, postrider.cancel_task, postrider.publish_event
    to postrider_tenant, postrider_producer;
grant execute on function postrider.enqueue_task, postrider.tasks_added to postrider_engine;
grant execute on function postrider.cancel_found, postrider.test_endpoint to postrider_tenant;
