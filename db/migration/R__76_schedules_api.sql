-- What the API shows of schedules.
-- Migrations run with row_security off, so that a forgotten backfill fails; a function's body is only rewritten here.
set local row_security = on;

create or replace function postrider.schedule_json(s postrider.schedules) returns jsonb
    language sql stable parallel safe
return jsonb_build_object(
    'scheduleId', s.schedule_id, 'taskType', s.task_type, 'payload', s.payload, 'cron', s.cron, 'every', s.every,
    'timeZone', s.time_zone, 'missed', s.missed, 'enabled', s.enabled, 'nextTickAt', postrider.utc(s.next_tick_at),
    'lastTickAt', postrider.utc(s.last_tick_at), 'lastTaskId', s.last_task_id,
    'createdAt', postrider.utc(s.created_at), 'updatedAt', postrider.utc(s.updated_at));
comment on function postrider.schedule_json is 'A schedule as the API shows it.';

revoke execute on function postrider.schedule_json from public;
grant execute on function postrider.schedule_json to postrider_tenant;
grant execute on function postrider.utc to postrider_engine;
