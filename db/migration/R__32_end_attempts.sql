-- What nodes call when an attempt has ended: finish, fail, snooze, discard.
-- Plans are kept, and a queue is often empty: without enable_seqscan = off a connection that planned then went through
-- 100,000 rows for each task that it ended (13 s for 500), until the next autovacuum.
set local role postrider_engine;
-- Migrations run with row_security off, so that a forgotten backfill fails; a function's body is only rewritten here.
set local row_security = on;

-- Tasks with keys have ended, or wait again: others may take their places. First this waits for claims that are counting
-- now (each takes milliseconds, and waits for nobody), so that it sees whom they hold back.
create or replace function postrider.release_next(workspaces uuid[], limit_keys text[], ordering_keys text[]) returns void
    language plpgsql security definer set search_path = postrider, pg_temp set enable_seqscan = off as $$
declare
    freed record;
    released int := 0;
begin
    if limit_keys is not null then
        perform from task_limits
          where (workspace_id, limit_key) in (select * from unnest(workspaces, limit_keys)
                                              union all select unnest(workspaces), '')
          order by workspace_id, limit_key for key share;
        for freed in select workspace, key, count(*) as tasks
                       from (select workspace, key from unnest(workspaces, limit_keys) as f (workspace, key)
                              where key is not null
                             union all
                             select workspace, '' from unnest(workspaces) as f (workspace)) ended
                      group by workspace, key loop
            released := released + release_held(freed.workspace, freed.key, freed.tasks);
        end loop;
    end if;
    update background_tasks set held_by = null, ready = scheduled_at <= now()
     where ctid = any (array (
           select next.ctid
             from (select distinct workspace, key from unnest(workspaces, ordering_keys) as o (workspace, key)
                    where key is not null) ended
            cross join lateral (
                  select task_id from background_tasks
                   where workspace_id = workspace and ordering_key = key order by ordering_seq limit 1) head
            cross join lateral (
                  select ctid from background_tasks t
                   where workspace_id = workspace and t.task_id = head.task_id and held_by = 'ordering'
                     for no key update skip locked) next));
    if found or released > 0 then
        perform pg_notify('postrider_wake', '');
    end if;
end $$;
comment on function postrider.release_next is 'Makes ready what may run now that these tasks (by workspace, limit key and ordering key) no longer do; without limit keys none of them ran. Definer: called by the engine''s functions and cancel_found only.';

-- Tasks that others wait for have ended. Completed, they let them run; otherwise those can never run, and die with them,
-- and so do those that wait for these. Who is locked meanwhile is told later, by release_stranded.
create or replace function postrider.end_awaited(workspaces uuid[], task_ids uuid[], outcome text) returns void
    language plpgsql security definer set search_path = postrider, pg_temp set enable_seqscan = off as $$
#variable_conflict use_column
declare
    ended_workspaces uuid[] := workspaces;
    ended_tasks uuid[] := end_awaited.task_ids;
    fate text := outcome;
    told record;
begin
    perform require_partitions();
    if fate = 'completed' then
        -- Another one that they wait for may be ending at this moment: it has them locked for some milliseconds.
        for attempt in 1..3 loop
            with followers as materialized (
                select d.workspace_id, d.task_id, d.after_id
                  from task_dependencies d
                 cross join lateral (select from background_tasks t
                                      where t.workspace_id = d.workspace_id and t.task_id = d.task_id and held_by = 'tasks'
                                        for no key update skip locked) held
                 where (d.workspace_id, d.after_id) in (select * from unnest(ended_workspaces, ended_tasks))
            ), met as (
                delete from task_dependencies
                 where (workspace_id, after_id, task_id) in (select workspace_id, after_id, task_id from followers)
            )
            update background_tasks t
               set waits_for = waits_for - met, held_by = case when waits_for > met then held_by end,
                   ready = waits_for = met and scheduled_at <= now()
              from (select workspace_id, task_id, count(*)::int as met from followers group by 1, 2) f
             where t.workspace_id = f.workspace_id and t.task_id = f.task_id;
            exit when not exists (
                select from task_dependencies
                 where (workspace_id, after_id) in (select * from unnest(ended_workspaces, ended_tasks)));
            perform pg_sleep(0.005);
        end loop;
        perform pg_notify('postrider_wake', '');
        return;
    end if;
    while cardinality(ended_tasks) > 0 loop
        with followers as materialized (
            select d.workspace_id, d.task_id, min(d.after_id::text) as after_id
              from task_dependencies d
             cross join lateral (select from background_tasks t
                                  where t.workspace_id = d.workspace_id and t.task_id = d.task_id and held_by = 'tasks'
                                    for update skip locked) held
             where (d.workspace_id, d.after_id) in (select * from unnest(ended_workspaces, ended_tasks))
             group by 1, 2
        ), forgotten as (
            delete from task_dependencies
             where (workspace_id, task_id) in (select workspace_id, task_id from followers)
        ), gone as (
            delete from background_tasks
             where (workspace_id, task_id) in (select workspace_id, task_id from followers)
            returning *
        ), dead as (
            insert into dead_letters (workspace_id, task_id, kind, task_type, priority_rank, attempt_count,
                                      failure_count, created_at, reason, unique_key, ordering_key, limit_key, payload,
                                      last_error, attempts)
            select g.workspace_id, g.task_id, kind, task_type, priority_rank, attempt_count, failure_count, created_at,
                   format('task %s, which had to complete first, was %s', after_id, fate), unique_key, ordering_key,
                   limit_key, payload, last_error, attempts
              from gone g join followers f using (workspace_id, task_id)
            returning *
        ), audited as (
            insert into system_events (workspace_id, event_type, actor, payload)
            select workspace_id, 'task.dead-lettered', 'engine',
                   jsonb_build_object('taskId', task_id, 'deadLetterId', dead_letter_id, 'taskType', task_type, 'error', reason)
              from dead
        )
        select array_agg(workspace_id) as workspaces, array_agg(task_id) as tasks,
               array_agg(workspace_id) filter (where ordering_key is not null) as ordered_workspaces,
               array_agg(ordering_key) filter (where ordering_key is not null) as ordering_keys
          into told from dead;
        if told.ordering_keys is not null then
            perform release_next(told.ordered_workspaces, null, told.ordering_keys);
        end if;
        ended_workspaces := told.workspaces;
        ended_tasks := told.tasks;
        fate := 'dead-lettered';
    end loop;
end $$;
comment on function postrider.end_awaited is 'Tells the tasks that wait for these how they ended: completed lets them go on; anything else makes dead letters of them, and of those that wait for them. Definer: called by the engine''s functions and cancel_found only.';

-- Fenced by worker and attempt: what another node has taken over meanwhile is left alone. What somebody else has locked,
-- such as an application that cancels the task in a transaction it keeps open, is not waited for.
-- The lateral sub-select that locks is one index probe per task, whatever stale statistics say of a table that fills
-- and empties all day: as a plain join it became a nested loop over a sequential scan (340 ms instead of 8).
create or replace function postrider.held_places(node text, workspace_ids uuid[], task_ids uuid[], attempts int[]) returns tid[]
    language sql volatile set search_path = postrider, pg_temp set enable_seqscan = off as $$
    select array (
        select held.ctid from unnest($2, $3, $4) as f (workspace, task, attempt)
         cross join lateral (
               select ctid from background_tasks
                where workspace_id = workspace and task_id = task and attempt_count = attempt
                  and worker_id = $1 and task_status = 'processing' for update skip locked) held)
$$;
comment on function postrider.held_places is 'Where the tasks stand that a node holds and nobody else has locked; locks them.';

create or replace function postrider.still_held(node text, workspace_ids uuid[], task_ids uuid[], attempts int[]) returns uuid[]
    language sql stable set search_path = postrider, pg_temp set enable_seqscan = off as $$
    select array (
        select task from unnest($2, $3, $4) as f (workspace, task, attempt)
         cross join lateral (
               select from background_tasks
                where workspace_id = workspace and task_id = task and attempt_count = attempt
                  and worker_id = $1 and task_status = 'processing') held)
$$;
comment on function postrider.still_held is 'Which of these tasks a node still holds.';

-- An attempt that is not this node's any more has happened all the same. A batch is repeated when its answer was lost: what
-- it has recorded is left out then, which is no older than a lease.
create or replace function postrider.record_attempts(
    workspace_ids uuid[], task_ids uuid[], attempts int[], reports text[], ages bigint[]
) returns void language plpgsql security definer set search_path = postrider, pg_temp set enable_seqscan = off as $$
#variable_conflict use_column
begin
    insert into delivery_attempts (
           workspace_id, delivery_id, endpoint_id, attempted_at, attempt, request_url, request_headers, request_body,
           response_status, response_headers, response_body, response_cut, duration, outcome, error, remote_address, dns,
           connect, tls, first_byte)
    select f.workspace, f.delivery, r.endpoint_id, clock_timestamp() - (f.age + r.duration) * interval '1 ms', f.attempt,
           r.url, r.headers, r.body, r.response_status, r.response_headers, r.response_body, r.response_cut, r.duration,
           r.outcome, r.error, r.remote_address, r.dns, r.connect, r.tls, r.first_byte
      from unnest($1, $2, $3, $4, $5) as f (workspace, delivery, attempt, report, age)
     cross join lateral jsonb_to_record(f.report::jsonb) as r (
           endpoint_id uuid, url text, headers jsonb, body text, response_status int, response_headers jsonb,
           response_body text, response_cut boolean, duration int, outcome text, error text, remote_address inet,
           dns int, connect int, tls int, first_byte int)
     where f.report is not null
       and not exists (select from delivery_attempts a
                        where a.workspace_id = f.workspace and a.delivery_id = f.delivery and a.attempt = f.attempt
                          and a.attempted_at > now() - interval '1 hour');
end $$;
comment on function postrider.record_attempts is 'Records the attempts to deliver that have reports: JSON, and how many milliseconds ago each ended. Definer: called by finish_tasks and end_attempts only.';

drop function if exists postrider.finish_tasks(text, uuid[], uuid[], int[]);
create or replace function postrider.finish_tasks(
    node text, workspace_ids uuid[], task_ids uuid[], attempts int[], reports text[] default null, ages bigint[] default null
) returns table (written int, later uuid[]) language plpgsql security definer set search_path = postrider, pg_temp set enable_seqscan = off as $$
#variable_conflict use_column
declare
    places constant tid[] := held_places($1, $2, $3, $4);
    ended record;
begin
    perform require_partitions();
    if reports is not null then
        perform record_attempts($2, $3, $4, $5, $6);
    end if;
    with done as (delete from background_tasks where ctid = any (places) returning *),
    history as (
        insert into task_history (task_id, workspace_id, kind, task_type, task_status, priority_rank, scheduled_at,
                                  worker_id, attempt_count, failure_count, claimed_at, created_at, payload, last_error,
                                  attempts)
        select task_id, workspace_id, kind, task_type, 'completed', priority_rank, scheduled_at, worker_id,
               attempt_count, failure_count, claimed_at, created_at, payload, last_error, attempts
          from done
    )
    select count(*) as tasks,
           array_agg(workspace_id) filter (where counted) as workspaces,
           array_agg(limit_key) filter (where counted) as limit_keys,
           array_agg(ordering_key) filter (where counted) as ordering_keys,
           array_agg(workspace_id) filter (where awaited) as awaited_workspaces,
           array_agg(task_id) filter (where awaited) as awaited_tasks
      into ended from done;
    if ended.workspaces is not null then
        perform release_next(ended.workspaces, ended.limit_keys, ended.ordering_keys);
    end if;
    if ended.awaited_tasks is not null then
        perform end_awaited(ended.awaited_workspaces, ended.awaited_tasks, 'completed');
    end if;
    return query select ended.tasks::int, case when ended.tasks < cardinality($3) then still_held($1, $2, $3, $4) end;
end $$;
comment on function postrider.finish_tasks is 'Moves finished tasks to the history, and records the attempts to deliver that have reports; tells how many the node still held, and which to offer again because somebody else has them locked. Definer: nodes serve all workspaces, and the dispatcher may touch no table.';

create or replace function postrider.last_attempts(attempts jsonb, latest jsonb) returns jsonb
    language sql immutable set search_path = postrider, pg_temp
return case when jsonb_array_length(attempts) < 50 then attempts else attempts - 0 end || latest;
comment on function postrider.last_attempts is 'Adds an attempt to those that are kept with a task: the last 50.';

-- Ends the attempts that did not succeed. outcome says how: retry (counts a failure, waits delay), snooze (waits delay,
-- counts none; without a delay it gives back what was not begun), dead, or discard. A task that somebody asked to cancel
-- is cancelled instead of waiting again or dying.
drop function if exists postrider.end_attempts(text, uuid[], uuid[], int[], text[], text[], bigint[]);
create or replace function postrider.end_attempts(
    node text, workspace_ids uuid[], task_ids uuid[], attempts int[], outcomes text[], errors text[], delays bigint[],
    reports text[] default null, ages bigint[] default null
) returns table (written int, later uuid[]) language plpgsql security definer set search_path = postrider, pg_temp set enable_seqscan = off as $$
#variable_conflict use_column
declare
    places constant tid[] := held_places($1, $2, $3, $4);
    lost record;
    ended record;
begin
    perform require_partitions();
    if reports is not null then
        perform record_attempts($2, $3, $4, $8, $9);
    end if;
    with ended as materialized (
        select held.*, f.error, f.delay,
               case when held.cancel_requested and f.outcome <> 'discard' then 'cancel'
                    else f.outcome end as outcome,
               case when f.outcome = 'snooze' then held.attempts
                    else last_attempts(held.attempts, jsonb_build_object('attempt', held.attempt_count,
                         'claimedAt', held.claimed_at, 'failedAt', clock_timestamp(), 'worker', held.worker_id,
                         'error', f.error)) end as all_attempts,
               held.failure_count + (f.outcome in ('retry', 'dead'))::int as failures
          from background_tasks held
          join unnest($2, $3, $4, $5, $6, $7) as f (workspace, task, attempt, outcome, error, delay)
            on f.workspace = held.workspace_id and f.task = held.task_id and f.attempt = held.attempt_count
         where held.ctid = any (places)
    ), again as (
        update background_tasks t
           set task_status = 'queued', ready = e.delay <= 0,
               scheduled_at = clock_timestamp() + e.delay * interval '1 ms', worker_id = null, counted = false,
               failure_count = e.failures, last_error = coalesce(e.error, t.last_error), attempts = e.all_attempts,
               progress = null, progress_text = null
          from ended e
         where e.outcome in ('retry', 'snooze') and t.workspace_id = e.workspace_id and t.task_id = e.task_id
    ), gone as (
        delete from background_tasks t using ended e
         where e.outcome in ('dead', 'discard', 'cancel') and t.workspace_id = e.workspace_id and t.task_id = e.task_id
    ), dead as (
        insert into dead_letters (workspace_id, task_id, kind, task_type, priority_rank, attempt_count, failure_count,
                                  created_at, reason, unique_key, ordering_key, limit_key, payload, last_error, attempts)
        select workspace_id, task_id, kind, task_type, priority_rank, attempt_count, failures, created_at,
               format('failed %s times', failures), unique_key, ordering_key, limit_key, payload, error,
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
    select count(*) as tasks,
           array_agg(workspace_id) filter (where counted) as workspaces,
           array_agg(limit_key) filter (where counted) as limit_keys,
           array_agg(ordering_key) filter (where counted) as ordering_keys,
           jsonb_agg(jsonb_build_array(workspace_id, task_id, outcome)) filter (where awaited and outcome in ('dead', 'discard', 'cancel')) as awaited
      into ended from ended;
    if ended.workspaces is not null then
        perform release_next(ended.workspaces, ended.limit_keys, ended.ordering_keys);
    end if;
    for lost in select array_agg((value ->> 0)::uuid) as workspaces, array_agg((value ->> 1)::uuid) as tasks,
                       case value ->> 2 when 'dead' then 'dead-lettered' when 'discard' then 'discarded' else 'cancelled' end as outcome
                  from jsonb_array_elements(ended.awaited) group by value ->> 2 loop
        perform end_awaited(lost.workspaces, lost.tasks, lost.outcome);
    end loop;
    return query select ended.tasks::int, case when ended.tasks < cardinality($3) then still_held($1, $2, $3, $4) end;
end $$;
comment on function postrider.end_attempts is
    'Ends attempts that did not succeed (retry, snooze, dead, discard), and records those to deliver that have reports; tells how many the node still held, and which to offer again because somebody else has them locked. Definer: nodes serve all workspaces, and the dispatcher may touch no table.';

create or replace function postrider.attempt_timing(a postrider.delivery_attempts) returns jsonb
    language sql stable parallel safe set search_path = postrider, pg_temp
return jsonb_strip_nulls(jsonb_build_object('dns', a.dns, 'connect', a.connect, 'tls', a.tls, 'firstByte', a.first_byte,
                                            'total', a.duration));
comment on function postrider.attempt_timing is 'How the milliseconds of an attempt to deliver were spent; a part that did not happen is left out.';

create or replace function postrider.delivery_log(workspace uuid, delivery uuid, since timestamptz, failed jsonb)
    returns jsonb language sql stable set search_path = postrider, pg_temp as $$
    select coalesce(jsonb_agg(entry order by attempt), '[]')
      from (select attempt, jsonb_build_object('attempt', attempt, 'failedAt', attempted_at, 'error', error, 'outcome', outcome,
                       'duration', duration, 'timing', attempt_timing(a), 'remoteAddress', host(remote_address),
                       'request', jsonb_build_object('url', request_url, 'headers', request_headers, 'body', request_body),
                       'response', case when response_status is not null then jsonb_build_object(
                           'status', response_status, 'headers', response_headers, 'body', response_body,
                           'cut', response_cut) end) as entry
              from delivery_attempts a
             where workspace_id = workspace and delivery_id = delivery and attempted_at >= since
            union all
            select (entry ->> 'attempt')::int, entry from jsonb_array_elements(failed) entry
             where not exists (select from delivery_attempts a
                                where a.workspace_id = workspace and a.delivery_id = delivery and a.attempted_at >= since
                                  and a.attempt = (entry ->> 'attempt')::int)
             order by attempt desc limit 50) entries
$$;
comment on function postrider.delivery_log is 'Requests and responses of the last 50 attempts of a delivery, as a dead letter keeps them; attempts that left no request keep their error.';

-- Makes up for a release that never came: whoever was to be released was locked by a transaction that was rolled back.
create or replace function postrider.release_stranded() returns int
    language plpgsql security definer set search_path = postrider, pg_temp as $$
declare
    stranded record;
    released int := 0;
    more int;
begin
    if not pg_try_advisory_xact_lock(hashtextextended('postrider.release_stranded', 0)) then
        return 0;
    end if;
    for stranded in
        with recursive keys (workspace_id, limit_key) as (
            (select workspace_id, limit_key from background_tasks where held_by = 'limit'
              order by workspace_id, limit_key limit 1)
            union all
            select next.* from keys k cross join lateral (
                   select workspace_id, limit_key from background_tasks t
                    where held_by = 'limit' and (t.workspace_id, t.limit_key) > (k.workspace_id, k.limit_key)
                    order by workspace_id, limit_key limit 1) next
        ), workspaces (workspace_id) as (
            (select workspace_id from background_tasks where held_by = 'workspace' order by workspace_id limit 1)
            union all
            select next.* from workspaces k cross join lateral (
                   select workspace_id from background_tasks t
                    where held_by = 'workspace' and t.workspace_id > k.workspace_id order by workspace_id limit 1) next
        )
        select k.workspace_id, k.limit_key,
               l.max_running - (select count(*) from background_tasks t
                                 where counted and t.workspace_id = k.workspace_id
                                   and (k.limit_key = '' or t.limit_key = k.limit_key)) as free
          from (select * from keys union all select workspace_id, '' from workspaces) k
          left join task_limits l on l.workspace_id = k.workspace_id and l.limit_key = k.limit_key
         where l.resume_at is null
    loop
        if coalesce(stranded.free, 1000) > 0 then
            released := released + release_held(stranded.workspace_id, stranded.limit_key, coalesce(stranded.free, 1000));
        end if;
    end loop;
    with recursive keys (workspace_id, ordering_key) as (
        (select workspace_id, ordering_key from background_tasks where held_by = 'ordering'
          order by workspace_id, ordering_key limit 1)
        union all
        select next.* from keys k cross join lateral (
               select workspace_id, ordering_key from background_tasks t
                where held_by = 'ordering' and (t.workspace_id, t.ordering_key) > (k.workspace_id, k.ordering_key)
                order by workspace_id, ordering_key limit 1) next
    )
    update background_tasks set held_by = null, ready = true
     where ctid = any (array (
           select head.ctid from keys k cross join lateral (
                  select ctid, held_by from background_tasks t
                   where t.workspace_id = k.workspace_id and t.ordering_key = k.ordering_key
                   order by ordering_seq limit 1) head
            where head.held_by = 'ordering'));
    get diagnostics more = row_count;
    delete from task_dependencies d
     where not exists (select from background_tasks t
                        where t.workspace_id = d.workspace_id and t.task_id = d.task_id and t.held_by = 'tasks');
    for stranded in
        select array_agg(workspace_id) as workspaces, array_agg(after_id) as tasks, fate
          from (select d.workspace_id, d.after_id,
                       coalesce((select task_status from task_history h
                                  where h.workspace_id = d.workspace_id and h.task_id = d.after_id
                                  order by completed_at desc limit 1), 'dead-lettered') as fate
                  from (select distinct workspace_id, after_id from task_dependencies) d
                 where not exists (select from background_tasks t
                                    where t.workspace_id = d.workspace_id and t.task_id = d.after_id)) ended
         group by fate
    loop
        perform end_awaited(stranded.workspaces, stranded.tasks, stranded.fate);
    end loop;
    return released + more;
end $$;
comment on function postrider.release_stranded is 'Makes ready what is held back although nothing is in its way any more; returns how many. Definer: looks at all workspaces.';

revoke execute on function postrider.finish_tasks, postrider.end_attempts, postrider.record_attempts, postrider.release_next, postrider.end_awaited,
    postrider.held_places, postrider.still_held, postrider.last_attempts, postrider.delivery_log,
    postrider.attempt_timing, postrider.release_stranded from public;
grant execute on function postrider.finish_tasks, postrider.end_attempts, postrider.release_stranded to postrider_dispatcher;
grant execute on function postrider.release_next, postrider.end_awaited to postrider_owner;
grant execute on function postrider.attempt_timing to postrider_owner, postrider_tenant;
set local role postrider_owner;
