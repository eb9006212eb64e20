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
                                 maximum_redelivery_delay, published_at)
    select "taskType", "maximumRedeliveries", "redeliveryDelay", "backOffMultiplier", "maximumRedeliveryDelay", now()
      from jsonb_to_recordset(heartbeat.types) as d ("taskType" text, "maximumRedeliveries" int,
           "redeliveryDelay" bigint, "backOffMultiplier" double precision, "maximumRedeliveryDelay" bigint)
     order by 1
    on conflict (task_type) do update
        set maximum_redeliveries = excluded.maximum_redeliveries, redelivery_delay = excluded.redelivery_delay,
            back_off_multiplier = excluded.back_off_multiplier,
            maximum_redelivery_delay = excluded.maximum_redelivery_delay, published_at = now()
      where t.published_at is null or (t.maximum_redeliveries, t.redelivery_delay, t.back_off_multiplier, t.maximum_redelivery_delay)
            is distinct from (excluded.maximum_redeliveries, excluded.redelivery_delay, excluded.back_off_multiplier,
                              excluded.maximum_redelivery_delay);
end $$;
comment on function postrider.heartbeat is
    'Says that a node lives, the lease of all that it claimed, and which task types it handles with which redelivery policy: rescue needs that when the node is gone. Definer: nodes and task types belong to no workspace, and the dispatcher may touch no table.';

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

revoke execute on function postrider.heartbeat, postrider.release_unheard, postrider.retire_node, postrider.rescue_tasks from public;
grant execute on function postrider.heartbeat, postrider.release_unheard, postrider.retire_node, postrider.rescue_tasks to postrider_dispatcher;
set local role postrider_owner;
