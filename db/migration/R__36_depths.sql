-- What the gauges show.
set local role postrider_engine;
-- Migrations run with row_security off, so that a forgotten backfill fails; a function's body is only rewritten here.
set local row_security = on;

-- Without the setting a table that was filled a moment ago, and is not analyzed yet, is read from end to end.
create or replace function postrider.due_tasks()
    returns table (task_type text, workspace_id uuid, waiting bigint, due timestamptz)
    language sql stable set search_path = postrider, pg_temp set enable_seqscan = off as $$
    select task_type, workspace_id, count(*), min(scheduled_at) from background_tasks where ready group by 1, 2
    union all
    select task_type, workspace_id, count(*), min(scheduled_at)
      from background_tasks
     where not ready and task_status = 'queued' and held_by is null and scheduled_at <= now() group by 1, 2
$$;
comment on function postrider.due_tasks is 'How many tasks of a type and workspace are due, and since when, that nothing holds back.';

-- What is due is read from the small indexes background_tasks_ready and background_tasks_future. To count what is delayed,
-- held back or running takes the whole table: the caller decides when that is worth it (docs/decisions/depths.md).
-- Tenants choose the names of types, so at most a hundred that no node has declared are told apart.
drop function if exists postrider.queue_state(boolean);
create or replace function postrider.queue_state(counted boolean)
    returns table (task_type text, declared boolean, waiting bigint, running bigint, oldest double precision,
                   behind_limits bigint, behind_orderings bigint, behind_tasks bigint)
    language sql stable security definer set search_path = postrider, pg_temp as $$
    with closed as materialized (
        select coalesce(array_agg(workspace_id), '{}') as ids from workspaces where workspace_status <> 'active'
    ), paused as materialized (
        select coalesce(array_agg(workspace_id), '{}') as ids from task_limits
         where limit_key = '' and paused_until is not null and paused_until > now()
    ), groups as (
        select task_type, workspace_id, waiting, 0 as running, due, 0 as limits, 0 as orderings, 0 as tasks from due_tasks()
        union all
        select task_type, workspace_id, count(*) filter (where task_status = 'queued'),
               count(*) filter (where task_status = 'processing'), null, count(*) filter (where held_by in ('limit', 'workspace')),
               count(*) filter (where held_by = 'ordering'), count(*) filter (where held_by = 'tasks')
          from background_tasks
         where $1 and not ready and not (task_status = 'queued' and held_by is null and scheduled_at <= now()) group by 1, 2
    ), types as (
        select g.task_type, c.published_at is not null as declared, sum(waiting) as waiting, sum(running) as running,
               sum(limits) as limits, sum(orderings) as orderings, sum(tasks) as tasks,
               min(due) filter (where coalesce(c.paused_until <= now(), true) and g.workspace_id <> all (paused.ids)) as since
          from closed, paused, groups g left join task_types c using (task_type)
         where g.workspace_id <> all (closed.ids)
         group by g.task_type, c.published_at
    ), named as (
        select *, declared or row_number() over (partition by declared order by since, task_type) <= 100 as named from types
    )
    select case when named then task_type end, declared, case when $1 then sum(waiting)::bigint end,
           case when $1 then sum(running)::bigint end, coalesce(extract(epoch from now() - min(since)), 0),
           case when $1 then sum(limits)::bigint end, case when $1 then sum(orderings)::bigint end,
           case when $1 then sum(tasks)::bigint end
      from named
     group by 1, 2
$$;
comment on function postrider.queue_state is 'Per task type of active workspaces, how many tasks wait and run, and how many of those that wait a limit, an earlier task of their ordering key, or tasks that must complete first hold back (null unless counted); and for how many seconds the oldest has been due that no pause or limit holds back; types that no node has declared beyond a hundred are one row without a name. Definer: counts over all workspaces, and shows no row.';

-- For nodes of the release before.
create or replace function postrider.queue_depths()
    returns table (task_type text, waiting bigint, running bigint, oldest double precision)
    language sql stable security definer set search_path = postrider, pg_temp as $$
    select case when declared then task_type else 'other' end, sum(waiting)::bigint, sum(running)::bigint, max(oldest)
      from queue_state(true)
     group by 1
$$;
comment on function postrider.queue_depths is 'What waits and runs per task type in active workspaces; types that no node has declared count as other. Definer: counts over all workspaces, and shows no row.';

create or replace function postrider.gauges()
    returns table (nodes bigint, dead_tasks bigint, dead_deliveries bigint, xmin_age double precision)
    language sql stable security definer set search_path = postrider, pg_temp as $$
    select (select count(*) from worker_nodes), count(*) filter (where kind = 'task'),
           count(*) filter (where kind = 'delivery'), 0::double precision
      from dead_letters
$$;
comment on function postrider.gauges is 'Living nodes and dead letters by kind; xmin_age is for nodes of the release before. Definer: counts over all workspaces, and shows no row.';

create or replace function postrider.open_circuits() returns bigint
    language sql stable security definer set search_path = postrider, pg_temp as $$
    select count(*) from endpoint_circuits where open_until is not null
$$;
comment on function postrider.open_circuits is 'How many endpoints'' circuits are open, or probed. Definer: counts over all workspaces, and shows no row.';

create or replace function postrider.tasks_due() returns bigint
    language sql stable security definer set search_path = postrider, pg_temp as $$
    select coalesce(sum(waiting), 0)::bigint
      from due_tasks() join task_types t using (task_type) join workspaces w using (workspace_id)
     where t.published_at is not null and coalesce(t.paused_until <= now(), true) and w.workspace_status = 'active'
       and not exists (select from task_limits l
                        where l.workspace_id = w.workspace_id and limit_key = '' and l.paused_until > now())
$$;
comment on function postrider.tasks_due is 'How many tasks another node could begin at once: due, of a type that nodes have handled, and neither paused nor held back. For autoscalers: a login may have nothing but this. Definer: counts over all workspaces, and shows no row.';

revoke execute on function postrider.due_tasks, postrider.queue_state, postrider.open_circuits, postrider.queue_depths,
    postrider.gauges, postrider.tasks_due from public;
grant execute on function postrider.queue_state, postrider.open_circuits, postrider.queue_depths, postrider.gauges to postrider_dispatcher;
grant execute on function postrider.tasks_due to postrider_operator;
set local role postrider_owner;
