-- What nodes call when an attempt has ended: finish, fail, snooze, discard.
set local role postrider_engine;
-- Migrations run with row_security off, so that a forgotten backfill fails; a function's body is only rewritten here.
set local row_security = on;

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

revoke execute on function postrider.finish_tasks, postrider.end_attempts, postrider.last_attempts, postrider.delivery_log from public;
grant execute on function postrider.finish_tasks, postrider.end_attempts to postrider_dispatcher;
set local role postrider_owner;
