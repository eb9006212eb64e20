-- Replay and discard: one statement each, audited, bound to the active workspace by the policies of the owner.
-- Migrations run with row_security off, so that a forgotten backfill fails; a function's body is only rewritten here.
set local row_security = on;

create or replace function postrider.replay_dead_letter(dead_letter_id uuid, reason text) returns uuid
    language plpgsql security definer set search_path = postrider, pg_temp as $$
#variable_conflict use_column
declare
    workspace constant uuid := required_workspace();
    letter dead_letters;
begin
    if coalesce(trim(replay_dead_letter.reason), '') = '' then
        raise sqlstate 'PR400' using message = 'reason is missing: nothing is replayed without one';
    end if;
    delete from dead_letters
     where workspace_id = workspace and dead_letter_id = replay_dead_letter.dead_letter_id returning * into letter;
    if letter.task_id is null then
        raise sqlstate 'PR404' using message = format('dead letter %s does not exist', replay_dead_letter.dead_letter_id);
    end if;
    if letter.ordering_key is not null then
        perform pg_advisory_xact_lock(hashtextextended(workspace::text || letter.ordering_key, 0));
    end if;
    begin
        insert into background_tasks (task_id, workspace_id, kind, task_type, ready, priority_rank, attempt_count,
                                      created_at, replayed_at, unique_key, ordering_key, ordering_seq, payload,
                                      last_error, attempts)
        values (letter.task_id, workspace, letter.kind, letter.task_type, true, letter.priority_rank,
                letter.attempt_count, letter.created_at, now(), letter.unique_key, letter.ordering_key,
                case when letter.ordering_key is not null then nextval('ordering_seq') end, letter.payload,
                letter.last_error,
                -- A delivery's requests and responses stay in delivery_attempts: the task needs the errors only.
                (select coalesce(jsonb_agg(entry - '{request,response}'::text[]), '[]')
                   from jsonb_array_elements(letter.attempts) entry));
    exception when unique_violation then
        raise sqlstate 'PR409' using
            message = format('another %s task with the unique key %L is waiting or running', letter.task_type, letter.unique_key),
            hint = 'Wait until it has ended, or discard this dead letter.';
    end;
    perform audit('dead-letter.replayed', jsonb_build_object('deadLetterId', letter.dead_letter_id,
        'taskId', letter.task_id, 'taskType', letter.task_type, 'reason', replay_dead_letter.reason));
    return letter.task_id;
end $$;
comment on function postrider.replay_dead_letter is
    'Puts a dead letter''s task back to waiting: the same task id, failures 0, its attempts kept; audited. Definer: the caller needs no right on the tables; the owner is bound to the active workspace.';

create or replace function postrider.discard_dead_letter(dead_letter_id uuid, reason text) returns void
    language plpgsql security definer set search_path = postrider, pg_temp as $$
#variable_conflict use_column
declare
    workspace constant uuid := required_workspace();
    letter dead_letters;
begin
    if coalesce(trim(discard_dead_letter.reason), '') = '' then
        raise sqlstate 'PR400' using message = 'reason is missing: nothing is discarded without one';
    end if;
    delete from dead_letters
     where workspace_id = workspace and dead_letter_id = discard_dead_letter.dead_letter_id returning * into letter;
    if letter.task_id is null then
        raise sqlstate 'PR404' using message = format('dead letter %s does not exist', discard_dead_letter.dead_letter_id);
    end if;
    insert into task_history (task_id, workspace_id, kind, task_type, task_status, priority_rank, scheduled_at,
                              attempt_count, failure_count, created_at, reason, payload, last_error, attempts)
    values (letter.task_id, workspace, letter.kind, letter.task_type, 'discarded', letter.priority_rank,
            letter.created_at, letter.attempt_count, letter.failure_count, letter.created_at,
            discard_dead_letter.reason, letter.payload, letter.last_error, letter.attempts);
    perform audit('dead-letter.discarded', jsonb_build_object('deadLetterId', letter.dead_letter_id,
        'taskId', letter.task_id, 'taskType', letter.task_type, 'reason', discard_dead_letter.reason));
end $$;
comment on function postrider.discard_dead_letter is 'Gives a dead letter up for good, with a reason; its task is discarded, and that is audited. Definer: the caller needs no right on the tables; the owner is bound to the active workspace.';

revoke execute on function postrider.replay_dead_letter, postrider.discard_dead_letter from public, postrider_producer;
grant execute on function postrider.replay_dead_letter, postrider.discard_dead_letter
    to postrider_tenant, postrider_operator;
