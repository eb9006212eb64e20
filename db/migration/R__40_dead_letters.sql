-- Replay and discard, of one dead letter or of many, audited.
-- Migrations run with row_security off, so that a forgotten backfill fails; a function's body is only rewritten here.
set local row_security = on;

-- The next two work with the rights of their caller: the owner, bound to the active workspace, or the engine.
-- Each dead letter is locked first, in the order given, so that what two do to it at once happens once.
-- By key whatever the statistics say: a plan may be kept from when there were no dead letters.
create or replace function postrider.replay_letters(workspace_ids uuid[], dead_letter_ids uuid[], reason text, replay_id uuid)
    returns table (task_id uuid, task_type text, unique_key text, waits boolean)
    language plpgsql set search_path = postrider, pg_temp set enable_seqscan = off as $$
#variable_conflict use_column
begin
    perform require_partitions();
    -- Held until the commit, as by enqueue_task, so that ordering_seq rises in the order of commits.
    perform pg_advisory_xact_lock(key)
       from (select distinct hashtextextended(workspace_id::text || ordering_key, 0) as key
               from unnest(replay_letters.workspace_ids, replay_letters.dead_letter_ids) as c (workspace_id, dead_letter_id)
               join dead_letters using (workspace_id, dead_letter_id)
              where ordering_key is not null order by key) keys;
    return query
    with letters as materialized (
        select held.* from unnest(replay_letters.workspace_ids, replay_letters.dead_letter_ids) as c (workspace, letter)
         cross join lateral (
               select * from dead_letters where workspace_id = workspace and dead_letter_id = letter for update) held
    ), waiting as (
        insert into background_tasks (task_id, workspace_id, kind, task_type, ready, priority_rank, attempt_count,
                                      created_at, replayed_at, unique_key, ordering_key, ordering_seq, limit_key,
                                      payload, last_error, attempts)
        select task_id, workspace_id, kind, task_type, true, priority_rank, attempt_count, created_at, now(), unique_key,
               ordering_key, case when ordering_key is not null then nextval('ordering_seq') end, limit_key, payload,
               last_error,
               -- A delivery's requests and responses stay in delivery_attempts: the task needs the errors only.
               (select coalesce(jsonb_agg(entry - '{request,response}'::text[]), '[]')
                  from jsonb_array_elements(attempts) entry)
          from (select * from letters order by dead_letter_id) in_order
        on conflict do nothing
        returning workspace_id, task_id
    ), gone as (
        delete from dead_letters d using waiting w where d.workspace_id = w.workspace_id and d.task_id = w.task_id
    ), audited as (
        insert into system_events (workspace_id, event_type, actor, payload)
        select l.workspace_id,
               case when w.task_id is null then 'dead-letter.skipped' else 'dead-letter.replayed' end,
               coalesce(nullif(current_setting('app.actor', true), ''), session_user),
               jsonb_strip_nulls(jsonb_build_object('deadLetterId', l.dead_letter_id, 'taskId', l.task_id,
                   'taskType', l.task_type, 'reason', replay_letters.reason, 'replayId', replay_letters.replay_id,
                   'because', case when w.task_id is null then 'another task with its unique key waits or runs' end))
          from letters l left join waiting w using (workspace_id, task_id)
    )
    select l.task_id, l.task_type, l.unique_key, w.task_id is not null
      from letters l left join waiting w using (workspace_id, task_id);
    perform tasks_added(null, null, null, found); -- they were accepted before
end $$;
comment on function postrider.replay_letters is 'Puts the tasks of dead letters back to waiting, and returns them; waits is false of one whose unique key another task has, which stays a dead letter. Those that are gone are not returned.';

create or replace function postrider.discard_letters(workspace_ids uuid[], dead_letter_ids uuid[], reason text, replay_id uuid)
    returns setof uuid language sql set search_path = postrider, pg_temp set enable_seqscan = off as $$
    select require_partitions();
    with letters as materialized (
        select held.* from unnest($1, $2) as c (workspace, letter)
         cross join lateral (
               select * from dead_letters where workspace_id = workspace and dead_letter_id = letter for update) held
    ), gone as (
        delete from dead_letters d using letters l
         where d.workspace_id = l.workspace_id and d.dead_letter_id = l.dead_letter_id
    ), ended as (
        insert into task_history (task_id, workspace_id, kind, task_type, task_status, priority_rank, scheduled_at,
                                  attempt_count, failure_count, created_at, reason, payload, last_error, attempts)
        select task_id, workspace_id, kind, task_type, 'discarded', priority_rank, created_at, attempt_count,
               failure_count, created_at, $3, payload, last_error, attempts
          from letters
    ), audited as (
        insert into system_events (workspace_id, event_type, actor, payload)
        select workspace_id, 'dead-letter.discarded',
               coalesce(nullif(current_setting('app.actor', true), ''), session_user),
               jsonb_strip_nulls(jsonb_build_object('deadLetterId', dead_letter_id, 'taskId', task_id,
                   'taskType', task_type, 'reason', $3, 'replayId', $4))
          from letters
    )
    select task_id from letters
$$;
comment on function postrider.discard_letters is 'Gives dead letters up for good, and returns their tasks; those that are gone are not returned.';

create or replace function postrider.replay_dead_letter(dead_letter_id uuid, reason text) returns uuid
    language plpgsql security definer set search_path = postrider, pg_temp as $$
#variable_conflict use_column
declare
    workspace constant uuid := required_workspace();
    replayed record;
begin
    if coalesce(trim(replay_dead_letter.reason), '') = '' then
        raise sqlstate 'PR400' using message = 'reason is missing: nothing is replayed without one';
    end if;
    select * into replayed
      from replay_letters(array [workspace], array [replay_dead_letter.dead_letter_id], replay_dead_letter.reason, null);
    if not found then
        raise sqlstate 'PR404' using message = format('dead letter %s does not exist', replay_dead_letter.dead_letter_id);
    end if;
    if not replayed.waits then
        raise sqlstate 'PR409' using
            message = format('another %s task with the unique key %L is waiting or running', replayed.task_type, replayed.unique_key),
            hint = 'Wait until it has ended, or discard this dead letter.';
    end if;
    return replayed.task_id;
end $$;
comment on function postrider.replay_dead_letter is
    'Puts a dead letter''s task back to waiting: the same task id, failures 0, its attempts kept; audited. Definer: the caller needs no right on the tables; the owner is bound to the active workspace.';

create or replace function postrider.discard_dead_letter(dead_letter_id uuid, reason text) returns void
    language plpgsql security definer set search_path = postrider, pg_temp as $$
#variable_conflict use_column
declare
    workspace constant uuid := required_workspace();
begin
    if coalesce(trim(discard_dead_letter.reason), '') = '' then
        raise sqlstate 'PR400' using message = 'reason is missing: nothing is discarded without one';
    end if;
    perform discard_letters(array [workspace], array [discard_dead_letter.dead_letter_id], discard_dead_letter.reason, null);
    if not found then
        raise sqlstate 'PR404' using message = format('dead letter %s does not exist', discard_dead_letter.dead_letter_id);
    end if;
end $$;
comment on function postrider.discard_dead_letter is 'Gives a dead letter up for good, with a reason; its task is discarded, and that is audited. Definer: the caller needs no right on the tables; the owner is bound to the active workspace.';

-- Each dead letter makes a task of the type dead-letter in the same commit, so that the route dead-letter hears of it at
-- least once; one of that type makes none. The log of accepted tasks is written as the owner, so under each workspace.
create or replace function postrider.on_tasks_died() returns trigger
    language plpgsql security definer set search_path = postrider, pg_temp as $$
declare
    before constant text := coalesce(current_setting('app.active_workspace', true), '');
    workspace uuid;
    made uuid[];
begin
    for workspace in select distinct workspace_id from died where task_type <> 'dead-letter' loop
        perform set_config('app.active_workspace', workspace::text, true);
        with new as (
            insert into background_tasks (workspace_id, task_type, ready, payload)
            select workspace_id, 'dead-letter', true, dead_letter_json(d)
              from died join dead_letters d using (workspace_id, dead_letter_id)
             where workspace_id = workspace and d.task_type <> 'dead-letter'
            returning task_id
        )
        select array_agg(task_id) into made from new;
        perform tasks_added(workspace, 'task', made, true);
    end loop;
    perform set_config('app.active_workspace', before, true);
    return null;
end $$;
comment on function postrider.on_tasks_died is 'Makes a task for the route dead-letter of each dead letter. Definer: whoever ends an attempt may not write tasks; the owner is bound to the workspace that it enters.';
create or replace trigger on_tasks_died after insert on postrider.dead_letters
    referencing new table as died for each statement execute function postrider.on_tasks_died();

revoke execute on function postrider.replay_letters, postrider.discard_letters, postrider.on_tasks_died,
    postrider.replay_dead_letter, postrider.discard_dead_letter from public, postrider_producer;
grant execute on function postrider.replay_letters, postrider.discard_letters to postrider_engine;
grant execute on function postrider.replay_dead_letter, postrider.discard_dead_letter
    to postrider_tenant, postrider_operator;
