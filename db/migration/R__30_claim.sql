-- What nodes call: claim, finish, fail, release, rescue. These functions see all workspaces, so they belong to the
-- engine role; the dispatcher may execute them and read nothing.
set local role postrider_engine;
-- Migrations run with row_security off, so that a forgotten backfill fails; a function's body is only rewritten here.
set local row_security = on;

create or replace function postrider.heartbeat(node text, host text, types jsonb) returns void
    language plpgsql security definer set search_path = postrider, pg_temp as $$
begin
    insert into worker_nodes (node_id, host) values (heartbeat.node, heartbeat.host)
    on conflict (node_id) do update set heartbeat_at = clock_timestamp();
    insert into task_types as t (task_type, maximum_redeliveries, redelivery_delay, back_off_multiplier,
                                 maximum_redelivery_delay)
    select "taskType", "maximumRedeliveries", "redeliveryDelay", "backOffMultiplier", "maximumRedeliveryDelay"
      from jsonb_to_recordset(heartbeat.types) as d ("taskType" text, "maximumRedeliveries" int,
           "redeliveryDelay" bigint, "backOffMultiplier" double precision, "maximumRedeliveryDelay" bigint)
     order by 1
    on conflict (task_type) do update
        set maximum_redeliveries = excluded.maximum_redeliveries, redelivery_delay = excluded.redelivery_delay,
            back_off_multiplier = excluded.back_off_multiplier,
            maximum_redelivery_delay = excluded.maximum_redelivery_delay, published_at = now()
      where (t.maximum_redeliveries, t.redelivery_delay, t.back_off_multiplier, t.maximum_redelivery_delay)
            is distinct from (excluded.maximum_redeliveries, excluded.redelivery_delay, excluded.back_off_multiplier,
                              excluded.maximum_redelivery_delay);
end $$;
comment on function postrider.heartbeat is
    'Says that a node lives, the lease of all that it claimed, and which task types it handles with which redelivery policy: rescue needs that when the node is gone. Definer: nodes and task types belong to no workspace, and the dispatcher may touch no table.';

-- Fair: per task type walk the index background_tasks_ready from behind the workspace that this node served last, take
-- up to 32 workspaces that have work, and give each an equal share of the free slots. LIMIT is a literal: as a parameter
-- of a generic plan it became a sequential scan (21.7 ms a claim instead of 1.8 at 50,000 rows).
-- A closed workspace (suspended or deleted) costs the walk a step and is not one of the 32.
-- Rows without a task say where the walk ended (one per type), and, the last one, in how many milliseconds the next task
-- is due (null: none is waiting).
create or replace function postrider.claim_tasks(node text, slots jsonb)
    returns table (task_id uuid, workspace_id uuid, task_type text, payload text, attempt_count int, failure_count int,
                   scheduled_at timestamptz, accepted_at timestamptz, claimed_at timestamptz, next_due bigint)
    language plpgsql security definer set search_path = postrider, pg_temp as $$
#variable_conflict use_column
declare
    wanted record;
    closed constant uuid[] := array (select workspace_id from workspaces where workspace_status <> 'active');
    ring uuid[];
    start uuid;
begin
    -- Shared with rescue: a node that was declared dead gets nothing until it says again that it lives.
    perform from worker_nodes where node_id = claim_tasks.node for key share;
    if not found then
        return query select null::uuid, null::uuid, null::text, null::text, null::int, null::int,
                            null::timestamptz, null::timestamptz, null::timestamptz, 1000::bigint;
        return;
    end if;

    update background_tasks set ready = true
     where ctid = any (array (select ctid from background_tasks
                               where not ready and task_status = 'queued' and scheduled_at <= now()
                               order by scheduled_at limit 1000 for no key update skip locked));

    for wanted in select key as type, (value ->> 'free')::int as free, (value ->> 'after')::uuid as after
                    from jsonb_each(claim_tasks.slots)
                    left join task_types c on c.task_type = key
                   where (value ->> 'free')::int > 0 order by c.task_class, random() loop
        start := coalesce(wanted.after, gen_random_uuid());
        with recursive forward as (
            (select workspace_id, 0 as n from background_tasks
              where ready and task_type = wanted.type and workspace_id > start order by workspace_id limit 1)
            union all
            select (select workspace_id from background_tasks
                     where ready and task_type = wanted.type and workspace_id > f.workspace_id
                     order by workspace_id limit 1), n + (f.workspace_id <> all (closed))::int
              from forward f where f.workspace_id is not null and n < 32
        ), around as (
            (select workspace_id, 0 as n from background_tasks
              where ready and task_type = wanted.type and workspace_id <= start order by workspace_id limit 1)
            union all
            select (select workspace_id from background_tasks
                     where ready and task_type = wanted.type and workspace_id > a.workspace_id and workspace_id <= start
                     order by workspace_id limit 1), n + (a.workspace_id <> all (closed))::int
              from around a where a.workspace_id is not null and n < 32
        )
        select array_agg(workspace_id) into ring
          from (select workspace_id from (select 0 as lap, * from forward union all select 1, * from around) laps
                 where workspace_id is not null and workspace_id <> all (closed)
                 order by lap, workspace_id limit 32) both_laps;
        continue when ring is null;

        return query execute format($q$
            with claimed as (
                update background_tasks set task_status = 'processing', ready = false, worker_id = $1,
                       attempt_count = attempt_count + 1, claimed_at = clock_timestamp()
                 where ctid = any (array (
                       select due.ctid from unnest($2) as turn (workspace)
                        cross join lateral (
                              select ctid from background_tasks t
                               where ready and task_type = $3 and workspace_id = workspace
                                 and (ordering_key is null or not exists (
                                      select from background_tasks head
                                       where head.workspace_id = t.workspace_id and head.ordering_key = t.ordering_key
                                         and head.ordering_seq < t.ordering_seq))
                               order by priority_rank desc, scheduled_at limit %s for no key update skip locked) due
                        limit %s))
                returning *)
            select task_id, workspace_id, task_type, payload::text, attempt_count, failure_count, scheduled_at,
                   coalesce(replayed_at, created_at), claimed_at, null::bigint
              from claimed order by priority_rank desc, scheduled_at$q$,
            (wanted.free + cardinality(ring) - 1) / cardinality(ring), wanted.free)
            using claim_tasks.node, ring, wanted.type;
        return query select null::uuid, ring[cardinality(ring)], wanted.type, null::text, null::int, null::int,
                            null::timestamptz, null::timestamptz, null::timestamptz, null::bigint;
    end loop;

    return query select null::uuid, null::uuid, null::text, null::text, null::int, null::int, null::timestamptz,
                        null::timestamptz, null::timestamptz,
                        (select greatest(20, ceil(extract(epoch from scheduled_at - clock_timestamp()) * 1000))::bigint
                           from background_tasks where not ready and task_status = 'queued'
                          order by scheduled_at limit 1);
end $$;
comment on function postrider.claim_tasks is
    'Claims tasks for a node: slots says of each type how many more it can take, and which workspace it served last, as {"type": {"free": n, "after": uuid}}. Definer: nodes serve all workspaces, and the dispatcher may read no table.';

-- Fenced by worker and attempt: what another node has taken over meanwhile is left alone, and not returned.
-- The lateral sub-select that locks is one index probe per task, whatever stale statistics say of a table that fills
-- and empties all day: as a plain join it became a nested loop over a sequential scan (340 ms instead of 8).
create or replace function postrider.finish_tasks(node text, workspace_ids uuid[], task_ids uuid[], attempts int[])
    returns setof uuid language plpgsql security definer set search_path = postrider, pg_temp as $$
#variable_conflict use_column
declare
    places tid[];
begin
    -- A statement of its own: a row that somebody changed while this one waited for it has a place that the snapshot of
    -- the same statement would not see.
    places := array (
        select held.ctid from unnest($2, $3, $4) as f (workspace, task, attempt)
         cross join lateral (
               select ctid from background_tasks
                where workspace_id = workspace and task_id = task and attempt_count = attempt
                  and worker_id = $1 and task_status = 'processing' for update) held);
    return query
    with done as (delete from background_tasks where ctid = any (places) returning *)
    insert into task_history (task_id, workspace_id, kind, task_type, task_status, priority_rank, scheduled_at,
                              worker_id, attempt_count, failure_count, claimed_at, created_at, payload, last_error,
                              attempts)
    select task_id, workspace_id, kind, task_type, 'completed', priority_rank, scheduled_at, worker_id, attempt_count,
           failure_count, claimed_at, created_at, payload, last_error, attempts
      from done
    returning task_id;
end $$;
comment on function postrider.finish_tasks is 'Moves finished tasks to the history; returns those that the node still held. Definer: nodes serve all workspaces, and the dispatcher may touch no table.';

create or replace function postrider.last_attempts(attempts jsonb, latest jsonb) returns jsonb
    language sql immutable set search_path = postrider, pg_temp
return case when jsonb_array_length(attempts) < 50 then attempts else attempts - 0 end || latest;
comment on function postrider.last_attempts is 'Adds an attempt to those that are kept with a task: the last 50.';

-- Ends the attempts that did not succeed. outcome says how: retry (counts a failure, waits delay), snooze (waits delay,
-- counts none; without a delay it gives back what was not begun), dead, or discard. A task that somebody asked to cancel
-- is cancelled instead of waiting again or dying.
create or replace function postrider.end_attempts(
    node text, workspace_ids uuid[], task_ids uuid[], attempts int[], outcomes text[], errors text[], delays bigint[]
) returns setof uuid language plpgsql security definer set search_path = postrider, pg_temp as $$
#variable_conflict use_column
begin
    return query
    with ended as materialized (
        select held.*, f.error, f.delay,
               case when held.cancel_requested and f.outcome <> 'discard' then 'cancel'
                    else f.outcome end as outcome,
               case when f.outcome = 'snooze' then held.attempts
                    else last_attempts(held.attempts, jsonb_build_object('attempt', held.attempt_count,
                         'claimedAt', held.claimed_at, 'failedAt', clock_timestamp(), 'worker', held.worker_id,
                         'error', f.error)) end as all_attempts,
               held.failure_count + (f.outcome in ('retry', 'dead'))::int as failures
          from unnest($2, $3, $4, $5, $6, $7) as f (workspace, task, attempt, outcome, error, delay)
         cross join lateral (
               select * from background_tasks
                where workspace_id = workspace and task_id = task and attempt_count = attempt
                  and worker_id = $1 and task_status = 'processing' for update) held
    ), again as (
        update background_tasks t
           set task_status = 'queued', ready = e.delay <= 0,
               scheduled_at = clock_timestamp() + e.delay * interval '1 ms', worker_id = null,
               failure_count = e.failures, last_error = coalesce(e.error, t.last_error), attempts = e.all_attempts
          from ended e
         where e.outcome in ('retry', 'snooze') and t.workspace_id = e.workspace_id and t.task_id = e.task_id
    ), gone as (
        delete from background_tasks t using ended e
         where e.outcome in ('dead', 'discard', 'cancel') and t.workspace_id = e.workspace_id and t.task_id = e.task_id
    ), dead as (
        insert into dead_letters (workspace_id, task_id, kind, task_type, priority_rank, attempt_count, failure_count,
                                  created_at, reason, unique_key, ordering_key, payload, last_error, attempts)
        select workspace_id, task_id, kind, task_type, priority_rank, attempt_count, failures, created_at,
               format('failed %s times', failures), unique_key, ordering_key, payload, error,
               case kind when 'delivery' then delivery_log(workspace_id, task_id, created_at, all_attempts)
                         else all_attempts end
          from ended where outcome = 'dead'
        returning *
    ), ending as (
        insert into task_history (task_id, workspace_id, kind, task_type, task_status, priority_rank, scheduled_at,
                                  worker_id, attempt_count, failure_count, claimed_at, created_at, reason, payload,
                                  last_error, attempts)
        select task_id, workspace_id, kind, task_type,
               case outcome when 'discard' then 'discarded' else 'cancelled' end, priority_rank, scheduled_at,
               worker_id, attempt_count, failures, claimed_at, created_at,
               case outcome when 'discard' then error else 'cancelled while it ran' end, payload, error, all_attempts
          from ended where outcome in ('discard', 'cancel')
        returning *
    ), audited as (
        insert into system_events (workspace_id, event_type, actor, payload)
        select workspace_id, 'task.dead-lettered', 'engine',
               jsonb_build_object('taskId', task_id, 'deadLetterId', dead_letter_id, 'taskType', task_type, 'error', last_error)
          from dead
        union all
        select workspace_id, 'task.' || task_status, 'engine',
               jsonb_build_object('taskId', task_id, 'taskType', task_type, 'reason', reason)
          from ending
    )
    select task_id from ended;
end $$;
comment on function postrider.end_attempts is
    'Ends attempts that did not succeed (retry, snooze, dead, discard); returns those that the node still held. Definer: nodes serve all workspaces, and the dispatcher may touch no table.';

create or replace function postrider.delivery_log(workspace uuid, delivery uuid, since timestamptz, failed jsonb)
    returns jsonb language sql stable set search_path = postrider, pg_temp as $$
    select coalesce(jsonb_agg(entry order by (entry ->> 'attempt')::int), '[]')
      from (select jsonb_build_object('attempt', attempt, 'failedAt', attempted_at, 'error', error, 'duration', duration,
                       'request', jsonb_build_object('url', request_url, 'headers', request_headers, 'body', request_body),
                       'response', case when response_status is not null then jsonb_build_object(
                           'status', response_status, 'headers', response_headers, 'body', response_body,
                           'cut', response_cut) end) as entry
              from delivery_attempts
             where workspace_id = workspace and delivery_id = delivery and attempted_at >= since
            union all
            select entry from jsonb_array_elements(failed) entry
             where not exists (select from delivery_attempts a
                                where a.workspace_id = workspace and a.delivery_id = delivery and a.attempted_at >= since
                                  and a.attempt = (entry ->> 'attempt')::int)) entries
$$;
comment on function postrider.delivery_log is 'Requests and responses of a delivery, as a dead letter keeps them; attempts that left no request keep their error.';

-- The answer to a claim can be lost after its commit: the tasks are then held by a node that lives and knows nothing of
-- them. The node calls this between two claims, with all that it does know of.
create or replace function postrider.release_unheard(node text, task_ids uuid[], attempts int[])
    returns setof uuid language sql security definer set search_path = postrider, pg_temp as $$
    update background_tasks set task_status = 'queued', ready = true, worker_id = null
     where task_status = 'processing' and worker_id = $1
       and (task_id, attempt_count) not in (select task, attempt from unnest($2, $3) as known (task, attempt))
    returning task_id
$$;
comment on function postrider.release_unheard is
    'Gives back, without counting a failure, what a node holds by the database but does not know of. Definer: nodes serve all workspaces, and the dispatcher may touch no table.';

create or replace function postrider.retire_node(node text) returns void
    language sql security definer set search_path = postrider, pg_temp
begin atomic
    -- A node that still holds a task keeps its row: rescue looks for tasks of silent nodes, and would not find this one.
    delete from postrider.worker_nodes
     where node_id = retire_node.node
       and not exists (select from postrider.background_tasks
                        where task_status = 'processing' and worker_id = retire_node.node);
end;
comment on function postrider.retire_node is 'Removes a node that stopped in order; one that still holds tasks stays until it is rescued. Definer: nodes serve all workspaces, and the dispatcher may touch no table.';

-- A node silent for 20 s is dead: each of its tasks counts a failure and waits again, or is a dead letter when its
-- policy is exhausted; a delivery always waits again, because its policy is its endpoint's, which the next attempt knows.
-- The node's row is locked first, so that no claim of it slips in between.
create or replace function postrider.rescue_tasks() returns table (node text, rescued int)
    language plpgsql security definer set search_path = postrider, pg_temp as $$
#variable_conflict use_column
declare
    silent record;
    held record;
begin
    for silent in select node_id, host, heartbeat_at from worker_nodes
                   where heartbeat_at < clock_timestamp() - interval '20 seconds' for update skip locked loop
        node := silent.node_id;
        select array_agg(workspace_id) as workspaces, array_agg(task_id) as tasks, array_agg(attempt_count) as attempts,
               array_agg(case when t.kind = 'task' and c.maximum_redeliveries >= 0 and failure_count >= c.maximum_redeliveries
                              then 'dead' else 'retry' end) as outcomes,
               array_agg(format('the node that ran it died: it was silent since %s', silent.heartbeat_at)) as errors,
               array_agg(least(coalesce(c.redelivery_delay, 1000)
                               * power(greatest(1, coalesce(c.back_off_multiplier, 2)), least(failure_count, 30)),
                               coalesce(c.maximum_redelivery_delay, 60000))::bigint) as delays
          into held
          from background_tasks t left join task_types c using (task_type)
         where task_status = 'processing' and worker_id = silent.node_id;
        rescued := coalesce(cardinality(held.tasks), 0);
        if rescued > 0 then
            perform end_attempts(node, held.workspaces, held.tasks, held.attempts, held.outcomes, held.errors, held.delays);
        end if;
        delete from worker_nodes where node_id = silent.node_id;
        insert into system_events (workspace_id, event_type, actor, payload)
        values ('00000000-0000-0000-0000-000000000000', 'node.died', 'engine',
                jsonb_build_object('nodeId', silent.node_id, 'host', silent.host, 'silentSince', silent.heartbeat_at,
                                   'tasks', rescued));
        return next;
    end loop;
end $$;
comment on function postrider.rescue_tasks is 'Takes the tasks of dead nodes back; returns the nodes and how many tasks each held. Definer: a dead node held tasks of all workspaces.';

create or replace function postrider.queue_depths()
    returns table (task_type text, waiting bigint, running bigint, oldest double precision)
    language sql stable security definer set search_path = postrider, pg_temp as $$
    select case when c.task_type is null then 'other' else t.task_type end,
           count(*) filter (where task_status = 'queued'), count(*) filter (where task_status = 'processing'),
           coalesce(extract(epoch from clock_timestamp() - min(scheduled_at)
               filter (where task_status = 'queued' and scheduled_at <= clock_timestamp())), 0)
      from background_tasks t left join task_types c using (task_type)
     where not exists (select from workspaces w where w.workspace_id = t.workspace_id and workspace_status <> 'active')
     group by 1
$$;
comment on function postrider.queue_depths is 'What waits and runs per task type in active workspaces; types that no node has declared count as other. Definer: counts over all workspaces, and shows no row.';

create or replace function postrider.gauges()
    returns table (nodes bigint, dead_tasks bigint, dead_deliveries bigint, xmin_age double precision)
    language sql stable security definer set search_path = postrider, pg_temp as $$
    select (select count(*) from worker_nodes), count(*) filter (where kind = 'task'),
           count(*) filter (where kind = 'delivery'),
           coalesce((select max(extract(epoch from clock_timestamp() - xact_start)) from pg_stat_activity
                      where backend_xmin is not null), 0)
      from dead_letters
$$;
comment on function postrider.gauges is 'Living nodes, dead letters by kind, and for how many seconds the oldest open transaction has held back vacuum. Definer: counts over all workspaces, and shows no row.';

revoke execute on function postrider.heartbeat, postrider.claim_tasks,
    postrider.finish_tasks, postrider.end_attempts, postrider.release_unheard, postrider.retire_node,
    postrider.rescue_tasks, postrider.queue_depths, postrider.gauges, postrider.last_attempts,
    postrider.delivery_log from public;
grant execute on function postrider.heartbeat, postrider.claim_tasks,
    postrider.finish_tasks, postrider.end_attempts, postrider.release_unheard, postrider.retire_node,
    postrider.rescue_tasks, postrider.queue_depths, postrider.gauges to postrider_dispatcher;
set local role postrider_owner;
