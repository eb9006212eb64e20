-- What the gauges show.
set local role postrider_engine;
-- Migrations run with row_security off, so that a forgotten backfill fails; a function's body is only rewritten here.
set local row_security = on;

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

revoke execute on function postrider.queue_depths, postrider.gauges from public;
grant execute on function postrider.queue_depths, postrider.gauges to postrider_dispatcher;
set local role postrider_owner;
