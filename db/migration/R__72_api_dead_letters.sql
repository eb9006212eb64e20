-- What the API shows of dead letters and their replays.
-- Migrations run with row_security off, so that a forgotten backfill fails; a function's body is only rewritten here.
set local row_security = on;

create or replace function postrider.dead_letter_json(d postrider.dead_letters) returns jsonb
    language sql stable parallel safe
return jsonb_build_object(
    'deadLetterId', d.dead_letter_id, 'kind', d.kind, 'taskId', d.task_id, 'taskType', d.task_type,
    'attempts', d.attempt_count, 'failures', d.failure_count, 'reason', d.reason, 'lastError', d.last_error,
    'createdAt', postrider.utc(d.created_at), 'deadAt', postrider.utc(d.dead_at));
comment on function postrider.dead_letter_json is 'A dead letter as lists and the route dead-letter show it.';

create or replace function postrider.replay_json(r postrider.replays) returns jsonb
    language sql stable parallel safe
return case when r.replay_id is not null then jsonb_build_object(
    'replayId', r.replay_id, 'action', r.action, 'filter', r.filter, 'ratePerSecond', r.rate_per_second,
    'status', r.replay_status, 'reason', r.reason, 'matched', r.matched, 'done', r.done, 'skipped', r.skipped,
    'createdAt', postrider.utc(r.created_at), 'endedAt', postrider.utc(r.ended_at)) end;
comment on function postrider.replay_json is 'A replay as the API shows it; null of none.';

revoke execute on function postrider.dead_letter_json, postrider.replay_json from public;
grant execute on function postrider.dead_letter_json to postrider_tenant;
grant execute on function postrider.replay_json to postrider_tenant, postrider_operator, postrider_engine;
grant execute on function postrider.utc to postrider_engine;
