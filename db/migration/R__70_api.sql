-- What the API shows.
-- Migrations run with row_security off, so that a forgotten backfill fails; a function's body is only rewritten here.
set local row_security = on;

create or replace function postrider.id_time(id uuid) returns timestamptz language sql immutable parallel safe strict
return to_timestamp(('x' || substr(replace(id::text, '-', ''), 1, 12))::bit(48)::bigint / 1000.0);
comment on function postrider.id_time is 'The moment of a UUIDv7, to the millisecond.';

-- Whoever asks for a range from before 1970 asks for all.
create or replace function postrider.id_floor(moment timestamptz) returns uuid language sql stable parallel safe strict
return (lpad(to_hex(greatest(extract(epoch from moment) * 1000, 0)::bigint), 12, '0') || '70008000000000000000')::uuid;
comment on function postrider.id_floor is 'The smallest UUIDv7 of a moment: a time range becomes a range of ids, so lists need no second index.';

create or replace function postrider.utc(moment timestamptz) returns text language sql stable parallel safe strict
return to_char(moment at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"');
comment on function postrider.utc is 'A moment as RFC 3339 in UTC.';

create or replace function postrider.page(items jsonb[], ids uuid[], size int) returns text
    language sql immutable parallel safe
return jsonb_build_object(
    'items', coalesce(to_jsonb(items[:coalesce(size, 50)]), '[]'),
    'nextCursor', case when cardinality(items) > coalesce(size, 50) then ids[coalesce(size, 50)] end)::text;
comment on function postrider.page is
    'A page of a list as the API answers it: items and ids hold one more than the size (50 by default) when there is a next page.';

create or replace view postrider.tasks with (security_invoker = true) as
select task_id, workspace_id, kind, task_type, task_status as status, priority_rank, scheduled_at, attempt_count,
       failure_count, claimed_at, null::timestamptz as completed_at, created_at, last_error, null::text as reason,
       'waiting' as place, progress, progress_text
  from postrider.background_tasks
union all
select task_id, workspace_id, kind, task_type, 'dead', priority_rank, created_at, attempt_count, failure_count,
       null, dead_at, created_at, last_error, reason, 'dead',
       null, null
  from postrider.dead_letters
union all
select task_id, workspace_id, kind, task_type, task_status, priority_rank, scheduled_at, attempt_count, failure_count,
       claimed_at, completed_at, created_at, last_error, reason, 'ended', null, null
  from postrider.task_history;
comment on view postrider.tasks is 'Tasks and deliveries wherever they are: waiting, running, dead or ended. Give a task_id range and a completed_at bound, so that partitions are pruned; a list takes one place (waiting, dead, ended) at a time, so that each gives its newest by its primary key.';

create or replace function postrider.task_json(t postrider.tasks) returns jsonb language sql stable parallel safe
return jsonb_build_object(
    'taskId', t.task_id, 'taskType', t.task_type, 'status', t.status, 'attempts', t.attempt_count,
    'failures', t.failure_count, 'lastError', t.last_error, 'reason', t.reason, 'priorityRank', t.priority_rank,
    'createdAt', postrider.utc(t.created_at), 'scheduledAt', postrider.utc(t.scheduled_at), 'claimedAt', postrider.utc(t.claimed_at),
    'completedAt', postrider.utc(t.completed_at),
    'progress', case when t.progress is not null
                     then jsonb_build_object('percent', t.progress, 'text', t.progress_text) end);
comment on function postrider.task_json is 'A task as the API shows it.';

revoke execute on function postrider.id_time, postrider.utc, postrider.page, postrider.task_json from public;
grant execute on function postrider.id_time, postrider.utc, postrider.page, postrider.task_json to postrider_tenant, postrider_operator;
grant select on postrider.tasks to postrider_tenant, postrider_operator, postrider_analyst;
