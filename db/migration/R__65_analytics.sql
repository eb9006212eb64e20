-- What analysts ask: how tasks and deliveries ended, per workspace and day. Everything reads with the rights of its caller, so
-- a tenant sees its own.
-- Migrations run with row_security off, so that a forgotten backfill fails; a function's body is only rewritten here.
set local row_security = on;

-- A bound on ended_at reaches the partitions of task_history and the index dead_letters_age; a bound on day reaches neither.
-- What somebody replayed is no dead letter any more: it stands here again when it has ended, and once.
create or replace view postrider.ended_tasks with (security_invoker = true) as
select workspace_id, task_id, kind, task_type, task_status as outcome, completed_at as ended_at,
       (completed_at at time zone 'UTC')::date as day, attempt_count, failure_count,
       -- The attempts of what was discarded may be a delivery's whole log: they are looked at of what completed only.
       case when task_status = 'completed' then greatest(failure_count, jsonb_array_length(attempts))
            when task_status = 'discarded' and worker_id is not null then failure_count -- its handler ended it: no failure
            else greatest(failure_count - 1, 0) end as retries,
       task_status = 'completed' and failure_count = 0 and attempts = '[]' as first_attempt,
       case when task_status = 'completed' then extract(epoch from claimed_at - scheduled_at)::float8 * 1000 end as wait_ms,
       case when task_status = 'completed' then extract(epoch from completed_at - claimed_at)::float8 * 1000 end as run_ms,
       reason, case kind when 'delivery' then (payload ->> 'endpointId')::uuid end as endpoint_id
  from postrider.task_history
union all
select workspace_id, task_id, kind, task_type, 'dead-lettered', dead_at, (dead_at at time zone 'UTC')::date, attempt_count,
       failure_count, greatest(failure_count - 1, 0), false, null, null, reason,
       case kind when 'delivery' then (payload ->> 'endpointId')::uuid end
  from postrider.dead_letters;
comment on view postrider.ended_tasks is 'Tasks and deliveries that have ended, one row each, dead letters that are still there among them. Bound ended_at, so that partitions are pruned.';

-- Functions, because a view that groups by day cannot hand a bound on day down to the partitions. They are put into the
-- statement that calls them, as a view is.
create or replace function postrider.daily_tasks(first_day date, last_day date)
    returns table (workspace_id uuid, day date, task_type text, kind text, completed bigint, dead_lettered bigint,
                   discarded bigint, cancelled bigint, completion_rate numeric, first_attempt bigint, retries bigint,
                   wait_p50 float8, wait_p99 float8, run_p50 float8, run_p99 float8)
    language sql stable parallel safe as $$
    with days as (
        select workspace_id, day, task_type, kind,
               count(*) filter (where outcome = 'completed') as completed,
               count(*) filter (where outcome = 'dead-lettered') as dead_lettered,
               count(*) filter (where outcome = 'discarded') as discarded,
               count(*) filter (where outcome = 'cancelled') as cancelled,
               count(*) filter (where first_attempt) as first_attempt, sum(retries)::bigint as retries,
               percentile_cont(array [0.5, 0.99]) within group (order by wait_ms) as wait,
               percentile_cont(array [0.5, 0.99]) within group (order by run_ms) as run
          from postrider.ended_tasks
         where ended_at >= first_day::timestamp at time zone 'UTC' and ended_at < (last_day + 1)::timestamp at time zone 'UTC'
         group by workspace_id, day, task_type, kind
    )
    select workspace_id, day, task_type, kind, completed, dead_lettered, discarded, cancelled,
           trunc(completed::numeric / nullif(completed + dead_lettered + discarded, 0), 6), first_attempt, retries,
           wait[1], wait[2], run[1], run[2]
      from days
$$;
comment on function postrider.daily_tasks is 'How tasks and deliveries ended in each workspace, per day (UTC) from first_day to last_day, and type; times in milliseconds, of those that completed.';

create or replace view postrider.daily_tasks with (security_invoker = true) as
select * from postrider.daily_tasks((now() at time zone 'UTC')::date - 29, (now() at time zone 'UTC')::date);
comment on view postrider.daily_tasks is 'The function of this name, for the last 30 days.';

create or replace function postrider.daily_deliveries(first_day date, last_day date)
    returns table (workspace_id uuid, day date, endpoint_id uuid, delivered bigint, dead_lettered bigint, discarded bigint,
                   cancelled bigint, success_rate numeric, first_attempt bigint, retries bigint, attempts bigint,
                   deliver_p50 float8, deliver_p95 float8, deliver_p99 float8)
    language sql stable parallel safe as $$
    with ended as (
        select workspace_id, day, endpoint_id,
               count(*) filter (where outcome = 'completed') as delivered,
               count(*) filter (where outcome = 'dead-lettered') as dead_lettered,
               count(*) filter (where outcome = 'discarded') as discarded,
               count(*) filter (where outcome = 'cancelled') as cancelled,
               count(*) filter (where first_attempt) as first_attempt, sum(retries)::bigint as retries
          from postrider.ended_tasks
         where kind = 'delivery'
           and ended_at >= first_day::timestamp at time zone 'UTC' and ended_at < (last_day + 1)::timestamp at time zone 'UTC'
         group by workspace_id, day, endpoint_id
    ), sent as (
        select workspace_id, (attempted_at at time zone 'UTC')::date as day, d.endpoint_id, count(*) as attempts,
               percentile_cont(array [0.5, 0.95, 0.99]) within group (
                   order by extract(epoch from attempted_at - occurred_at)::float8 * 1000 + duration)
                   filter (where error is null) as times
          from postrider.delivery_attempts
          join postrider.deliveries d using (workspace_id, delivery_id)
         where attempted_at >= first_day::timestamp at time zone 'UTC'
           and attempted_at < (last_day + 1)::timestamp at time zone 'UTC'
         group by workspace_id, 2, d.endpoint_id
    )
    select workspace_id, day, endpoint_id, coalesce(delivered, 0), coalesce(dead_lettered, 0), coalesce(discarded, 0),
           coalesce(cancelled, 0), trunc(delivered::numeric / nullif(delivered + dead_lettered + discarded, 0), 6),
           coalesce(first_attempt, 0), coalesce(retries, 0), coalesce(attempts, 0), times[1], times[2], times[3]
      from ended full join sent using (workspace_id, day, endpoint_id)
$$;
comment on function postrider.daily_deliveries is 'How deliveries ended and requests fared in each workspace, per day (UTC) from first_day to last_day, and endpoint; times in milliseconds, from the event to the whole 2xx answer.';

create or replace view postrider.daily_deliveries with (security_invoker = true) as
select * from postrider.daily_deliveries((now() at time zone 'UTC')::date - 29, (now() at time zone 'UTC')::date);
comment on view postrider.daily_deliveries is 'The function of this name, for the last 30 days.';

revoke execute on function postrider.daily_tasks, postrider.daily_deliveries from public;
grant execute on function postrider.daily_tasks, postrider.daily_deliveries
    to postrider_tenant, postrider_operator, postrider_analyst;
grant select on postrider.ended_tasks, postrider.daily_tasks, postrider.daily_deliveries
    to postrider_tenant, postrider_operator, postrider_analyst;
-- What was dropped is not what was lost.
grant select on postrider.partition_drops to postrider_analyst;
