-- Who works: heartbeats, the rescue of what dead nodes held, and an orderly end.
set local role postrider_engine;
-- Migrations run with row_security off, so that a forgotten backfill fails; a function's body is only rewritten here.
set local row_security = on;

create or replace function postrider.heartbeat(node text, host text, types jsonb) returns void
    language plpgsql security definer set search_path = postrider, pg_temp as $$
begin
    insert into worker_nodes (node_id, host) values (heartbeat.node, heartbeat.host)
    on conflict (node_id) do update set heartbeat_at = clock_timestamp();
    insert into task_types as t (task_type, maximum_redeliveries, redelivery_delay, back_off_multiplier,
                                 maximum_redelivery_delay, maximum_redelivery_window, collision_avoidance_factor,
                                 published_at)
    select "taskType", "maximumRedeliveries", "redeliveryDelay", "backOffMultiplier", "maximumRedeliveryDelay",
           coalesce("maximumRedeliveryWindow", -1), coalesce("collisionAvoidanceFactor", 0), now()
      from jsonb_to_recordset(heartbeat.types) as d ("taskType" text, "maximumRedeliveries" int,
           "redeliveryDelay" bigint, "backOffMultiplier" double precision, "maximumRedeliveryDelay" bigint,
           "maximumRedeliveryWindow" bigint, "collisionAvoidanceFactor" double precision)
     -- Not left to the conflict alone, which locks the row: an operator who pauses the type may have it locked for long.
     where not exists (
           select from task_types k
            where k.task_type = d."taskType" and k.published_at is not null
              and (k.maximum_redeliveries, k.redelivery_delay, k.back_off_multiplier, k.maximum_redelivery_delay,
                   k.maximum_redelivery_window, k.collision_avoidance_factor)
                  is not distinct from
                  (d."maximumRedeliveries", d."redeliveryDelay", d."backOffMultiplier", d."maximumRedeliveryDelay",
                   coalesce(d."maximumRedeliveryWindow", -1), coalesce(d."collisionAvoidanceFactor", 0)))
     order by 1
    on conflict (task_type) do update
        set maximum_redeliveries = excluded.maximum_redeliveries, redelivery_delay = excluded.redelivery_delay,
            back_off_multiplier = excluded.back_off_multiplier,
            maximum_redelivery_delay = excluded.maximum_redelivery_delay,
            maximum_redelivery_window = excluded.maximum_redelivery_window,
            collision_avoidance_factor = excluded.collision_avoidance_factor, published_at = now()
      where t.published_at is null
         or (t.maximum_redeliveries, t.redelivery_delay, t.back_off_multiplier, t.maximum_redelivery_delay,
             t.maximum_redelivery_window, t.collision_avoidance_factor)
            is distinct from (excluded.maximum_redeliveries, excluded.redelivery_delay, excluded.back_off_multiplier,
                              excluded.maximum_redelivery_delay, excluded.maximum_redelivery_window,
                              excluded.collision_avoidance_factor);
end $$;
comment on function postrider.heartbeat is
    'Says that a node lives, the lease of all that it claimed, and which task types it handles with which redelivery policy: rescue needs that when the node is gone. Definer: nodes and task types belong to no workspace, and the dispatcher may touch no table.';

create or replace function postrider.asked_to_stop(node text) returns table (task_id uuid)
    language sql stable security definer set search_path = postrider, pg_temp as $$
    select task_id from background_tasks where worker_id = $1 and cancel_requested and task_status = 'processing'
$$;
comment on function postrider.asked_to_stop is
    'The tasks that a node runs and that somebody wants cancelled; served by background_tasks_cancelled. Definer: nodes serve all workspaces, and the dispatcher may touch no table.';

-- A node whose row is gone was declared dead; it waits here for a rescue of it that is under way.
create or replace function postrider.renew_lease(node text, host text, types jsonb)
    returns table (known boolean, cancelled boolean, silent boolean)
    language plpgsql security definer set search_path = postrider, pg_temp as $$
begin
    perform from worker_nodes where node_id = renew_lease.node for no key update;
    known := found;
    perform heartbeat(renew_lease.node, renew_lease.host, renew_lease.types);
    cancelled := exists (select from asked_to_stop(renew_lease.node));
    silent := exists (select from worker_nodes where heartbeat_at < clock_timestamp() - interval '20 seconds');
    return next;
end $$;
comment on function postrider.renew_lease is
    'A heartbeat that is answered: whether the node was known, or had lost its tasks; whether some of its tasks shall stop; and whether some node is silent, so that a rescue is due. Definer: nodes belong to no workspace, and the dispatcher may touch no table.';

-- The answer to a claim can be lost after its commit: the tasks are then held by a node that lives and knows nothing of
-- them. The node calls this between two claims, with all that it does know of.
create or replace function postrider.release_unheard(node text, task_ids uuid[], attempts int[])
    returns setof uuid language plpgsql security definer set search_path = postrider, pg_temp as $$
#variable_conflict use_column
declare
    unheard record;
    locked uuid[];
begin
    -- Waits for a claim whose answer was given up while it was still at work, and then sees what it took.
    perform from worker_nodes where node_id = $1 for update;
    select array_agg(workspace_id) as workspaces, array_agg(task_id) as tasks, array_agg(attempt_count) as attempts,
           array_agg('snooze'::text) as outcomes, array_agg(null::text) as errors, array_agg(0::bigint) as delays
      into unheard
      from background_tasks
     where task_status = 'processing' and worker_id = $1
       and (task_id, attempt_count) not in (select task, attempt from unnest($2, $3) as known (task, attempt));
    if unheard.tasks is not null then
        select later into locked
          from end_attempts($1, unheard.workspaces, unheard.tasks, unheard.attempts, unheard.outcomes, unheard.errors,
                            unheard.delays);
        if cardinality(locked) > 0 then
            raise sqlstate '55P03' using message = 'somebody else has locked tasks that this node holds unknowingly'; -- the node asks again
        end if;
    end if;
    return query select * from unnest(unheard.tasks);
end $$;
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

-- As DurableRedeliveryPolicy computes it, but for delay patterns, which only nodes know: without jitter up to the maximum,
-- if there is one, and then the jitter; at most a hundred years. A power that overflows is an error, and would stop every
-- rescue: none goes beyond e^60. A type that no node has declared has the defaults of the table.
create or replace function postrider.redelivery_delay(policy postrider.task_types, failures int) returns bigint
    language sql volatile set search_path = postrider, pg_temp as $$
    select least(least(coalesce(policy.redelivery_delay, 1000) * power(multiplier, least(failures, 60 / nullif(ln(multiplier), 0))),
                       case when coalesce(policy.maximum_redelivery_delay, 60000) > 0
                            then coalesce(policy.maximum_redelivery_delay, 60000) end, longest)
                 * (1 + coalesce(policy.collision_avoidance_factor, 0) * (2 * random() - 1)), longest)::bigint
      from (select greatest(1, coalesce(policy.back_off_multiplier, 2)) as multiplier, 36500 * 86400000.0::float8 as longest) given
$$;
comment on function postrider.redelivery_delay is 'Milliseconds until a task is tried again that had failed so often before this failure.';

-- A node silent for 20 s is dead: each of its tasks counts a failure and waits again, or is a dead letter when its
-- policy is exhausted, by number or by age; a delivery always waits again, ten minutes at most, because its policy is its
-- endpoint's, which the next attempt knows.
-- The node's row is locked first, so that no claim of it slips in between.
create or replace function postrider.rescue_tasks() returns table (node text, rescued int)
    language plpgsql security definer set search_path = postrider, pg_temp as $$
#variable_conflict use_column
declare
    silent record;
    held record;
    locked uuid[];
begin
    perform require_partitions();
    for silent in select node_id, host, heartbeat_at from worker_nodes
                   where heartbeat_at < clock_timestamp() - interval '20 seconds' for update skip locked loop
        node := silent.node_id;
        select array_agg(workspace_id) as workspaces, array_agg(task_id) as tasks, array_agg(attempt_count) as attempts,
               array_agg(case when t.kind = 'task'
                               and (c.maximum_redeliveries >= 0 and failure_count >= c.maximum_redeliveries
                                    or c.maximum_redelivery_window >= 0
                                       and clock_timestamp() - coalesce(replayed_at, created_at)
                                           >= c.maximum_redelivery_window * interval '1 ms')
                              then 'dead' else 'retry' end) as outcomes,
               array_agg(format('the node that ran it died: it was silent since %s', silent.heartbeat_at)) as errors,
               array_agg(case t.kind when 'delivery' then least(redelivery_delay(c, failure_count), 600000)
                                     else redelivery_delay(c, failure_count) end) as delays
          into held
          from background_tasks t left join task_types c using (task_type)
         where task_status = 'processing' and worker_id = silent.node_id;
        rescued := coalesce(cardinality(held.tasks), 0);
        if rescued > 0 then
            select later into locked
              from end_attempts(node, held.workspaces, held.tasks, held.attempts, held.outcomes, held.errors, held.delays);
            -- While somebody else has tasks of it locked, the row stays: the next rescue takes them back.
            continue when cardinality(locked) > 0;
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

revoke execute on function postrider.heartbeat, postrider.renew_lease, postrider.asked_to_stop, postrider.release_unheard,
    postrider.retire_node, postrider.redelivery_delay, postrider.rescue_tasks from public;
grant execute on function postrider.heartbeat, postrider.renew_lease, postrider.asked_to_stop, postrider.release_unheard,
    postrider.retire_node, postrider.rescue_tasks to postrider_dispatcher;
set local role postrider_owner;
