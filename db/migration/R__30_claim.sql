-- What nodes call to get work. These functions see all workspaces, so they belong to the engine role; the dispatcher
-- may execute them and read nothing.
set local role postrider_engine;
-- Migrations run with row_security off, so that a forgotten backfill fails; a function's body is only rewritten here.
set local row_security = on;

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
                               where not ready and task_status = 'queued' and held_by is null and scheduled_at <= now()
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
                           from background_tasks where not ready and task_status = 'queued' and held_by is null
                          order by scheduled_at limit 1);
end $$;
comment on function postrider.claim_tasks is
    'Claims tasks for a node: slots says of each type how many more it can take, and which workspace it served last, as {"type": {"free": n, "after": uuid}}. Definer: nodes serve all workspaces, and the dispatcher may read no table.';

revoke execute on function postrider.claim_tasks from public;
grant execute on function postrider.claim_tasks to postrider_dispatcher;
set local role postrider_owner;
