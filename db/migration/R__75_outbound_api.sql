-- What the API shows of endpoints and deliveries.
-- Migrations run with row_security off, so that a forgotten backfill fails; a function's body is only rewritten here.
set local row_security = on;

create or replace function postrider.endpoint_json(e postrider.webhook_endpoints) returns jsonb
    language sql stable parallel safe
return jsonb_build_object(
    'endpointId', e.endpoint_id, 'url', e.url, 'eventTypes', to_jsonb(e.event_types), 'description', e.description,
    'headers', (select coalesce(jsonb_object_agg(name, '***'), '{}') from jsonb_object_keys(e.headers) name),
    'timeout', e.timeout, 'redeliveryPolicy', e.redelivery_policy, 'enabled', e.enabled,
    'disabledReason', e.disabled_reason, 'createdAt', postrider.utc(e.created_at), 'updatedAt', postrider.utc(e.updated_at));
comment on function postrider.endpoint_json is 'An endpoint as the API shows it: without its secret, and with the values of its headers masked.';

-- The primary keys serve: the task of the same id, and the attempts, none of which can be older than the delivery. Its
-- task may have left the history already, which is kept for a shorter time.
create or replace function postrider.delivery_json(d postrider.deliveries) returns jsonb
    language sql stable parallel safe
begin atomic
    select jsonb_build_object(
               'deliveryId', d.delivery_id, 'eventId', d.event_id, 'eventType', d.event_type,
               'endpointId', d.endpoint_id, 'status', t.status, 'attemptCount', t.attempt_count,
               'failures', t.failure_count, 'lastError', t.last_error, 'reason', t.reason,
               'lastResponseStatus', a.response_status, 'lastAttemptAt', postrider.utc(a.attempted_at),
               'nextAttemptAt', case when t.status = 'queued' then postrider.utc(t.scheduled_at) end,
               'deadLetterId', case when t.status = 'dead' then (
                   select dead_letter_id from postrider.dead_letters
                    where workspace_id = (d).workspace_id and task_id = (d).delivery_id) end,
               'createdAt', postrider.utc(d.created_at), 'completedAt', postrider.utc(t.completed_at))
      from (select) here
      left join postrider.tasks t on t.workspace_id = (d).workspace_id and t.task_id = (d).delivery_id
       and (t.completed_at is null or t.completed_at >= (d).created_at)
      left join lateral (
           select response_status, attempted_at from postrider.delivery_attempts
            where workspace_id = (d).workspace_id and delivery_id = (d).delivery_id and attempted_at >= (d).created_at
            order by attempt_id desc limit 1) a on true;
end;
comment on function postrider.delivery_json is 'A delivery as lists show it: its status, the last answer, and when the next attempt is.';

revoke execute on function postrider.endpoint_json, postrider.delivery_json from public;
grant execute on function postrider.endpoint_json, postrider.delivery_json to postrider_tenant;
