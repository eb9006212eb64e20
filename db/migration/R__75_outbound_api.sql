-- What the API shows of endpoints and deliveries.
-- Migrations run with row_security off, so that a forgotten backfill fails; a function's body is only rewritten here.
set local row_security = on;

create or replace function postrider.endpoint_json(e postrider.webhook_endpoints) returns jsonb
    language sql stable parallel safe
return jsonb_build_object(
    'endpointId', e.endpoint_id, 'url', e.url, 'eventTypes', to_jsonb(e.event_types), 'description', e.description,
    'filter', e.filter, 'headers', (select coalesce(jsonb_object_agg(name, '***'), '{}') from jsonb_object_keys(e.headers) name),
    'signature', e.signature, 'publicKey', e.public_key, 'clientCertificate', e.client_certificate, 'timeout', e.timeout,
    'redeliveryPolicy', e.redelivery_policy, 'rateLimit', e.rate_limit, 'concurrency', e.concurrency, 'ordering', e.ordering,
    'enabled', e.enabled, 'disabledReason', e.disabled_reason, 'circuit', (
        select jsonb_build_object(
                   'status', case when c.open_until > now() then 'open' when c.open_until is not null then 'half-open' else 'closed' end,
                   'failures', c.failures, 'failingSince', postrider.utc(c.failing_since), 'openUntil', postrider.utc(c.open_until))
          from postrider.endpoint_circuits c where c.workspace_id = (e).workspace_id and c.endpoint_id = (e).endpoint_id),
    'createdAt', postrider.utc(e.created_at), 'updatedAt', postrider.utc(e.updated_at));
comment on function postrider.endpoint_json is 'An endpoint as the API shows it: without its secret, and with the values of its headers masked.';

-- delivery_attempts_endpoint serves.
create or replace function postrider.endpoint_statistics(endpoint_id uuid) returns jsonb
    language sql stable set search_path = postrider, pg_temp
begin atomic
    with latest as (
        select attempted_at, duration, outcome, error, response_status from postrider.delivery_attempts a
         where a.workspace_id = postrider.active_workspace() and a.endpoint_id = endpoint_statistics.endpoint_id
           and attempted_at > now() - interval '24 hours'
         order by attempted_at desc limit 1000
    )
    select jsonb_build_object(
               'attempts', count(*), 'delivered', count(*) filter (where outcome = 'delivered'),
               'successRate', round(count(*) filter (where outcome = 'delivered')::numeric / nullif(count(*), 0), 4),
               'p50', percentile_disc(0.5) within group (order by duration),
               'p99', percentile_disc(0.99) within group (order by duration),
               'since', postrider.utc(min(attempted_at)),
               'lastFailure', (select jsonb_build_object('attemptedAt', postrider.utc(attempted_at), 'outcome', outcome,
                                      'responseStatus', response_status, 'error', error)
                                 from latest where outcome <> 'delivered' order by attempted_at desc limit 1))
      from latest;
end;
comment on function postrider.endpoint_statistics is 'How the last 1,000 attempts to deliver to an endpoint went, of those of the last 24 hours; durations in milliseconds.';

create or replace function postrider.recover_endpoint(endpoint_id uuid, since timestamptz) returns jsonb
    language plpgsql set search_path = postrider, pg_temp as $$
#variable_conflict use_column
declare
    is_enabled boolean;
begin
    select enabled into is_enabled from webhook_endpoints e
     where e.workspace_id = active_workspace() and e.endpoint_id = recover_endpoint.endpoint_id and deleted_at is null;
    if is_enabled is null then
        return null;
    elsif not is_enabled then
        raise sqlstate 'PR409' using message = format('endpoint %s is disabled; enable it, then recover', recover_endpoint.endpoint_id);
    end if;
    return start_replay(jsonb_build_object('endpointId', recover_endpoint.endpoint_id, 'deadFrom', recover_endpoint.since),
                        null, 'recovered since ' || utc(recover_endpoint.since), false);
end $$;
comment on function postrider.recover_endpoint is 'Starts a replay of an endpoint''s deliveries that became dead letters since a moment; null when there is no such endpoint.';

-- The primary keys serve: the task of the same id, and the attempts, none of which can be older than the delivery. Its
-- task may have left the history already, which is kept for a shorter time.
create or replace function postrider.delivery_json(d postrider.deliveries) returns jsonb
    language sql stable parallel safe
begin atomic
    select jsonb_build_object(
               'deliveryId', d.delivery_id, 'eventId', d.event_id, 'eventType', d.event_type,
               'endpointId', d.endpoint_id, 'status', t.status, 'attemptCount', t.attempt_count,
               'failures', t.failure_count, 'lastError', t.last_error, 'reason', t.reason,
               'lastResponseStatus', a.statuses[cardinality(a.statuses)], 'lastAttemptAt', postrider.utc(a.attempted_at),
               'responseStatuses', coalesce(to_jsonb(a.statuses), '[]'),
               'nextAttemptAt', case when t.status = 'queued' then postrider.utc(t.scheduled_at) end,
               'deadLetterId', case when t.status = 'dead' then (
                   select dead_letter_id from postrider.dead_letters
                    where workspace_id = (d).workspace_id and task_id = (d).delivery_id) end,
               'createdAt', postrider.utc(d.created_at), 'completedAt', postrider.utc(t.completed_at))
      from (select) here
      left join postrider.tasks t on t.workspace_id = (d).workspace_id and t.task_id = (d).delivery_id
       and (t.completed_at is null or t.completed_at >= (d).created_at)
      left join lateral (
           select array_agg(response_status order by attempt) as statuses, max(attempted_at) as attempted_at
             from postrider.delivery_attempts
            where workspace_id = (d).workspace_id and delivery_id = (d).delivery_id and attempted_at >= (d).created_at) a on true;
end;
comment on function postrider.delivery_json is 'A delivery as lists show it: its status, the last answer, and when the next attempt is.';

revoke execute on function postrider.endpoint_json, postrider.endpoint_statistics, postrider.recover_endpoint,
    postrider.delivery_json from public;
grant execute on function postrider.endpoint_json, postrider.endpoint_statistics, postrider.recover_endpoint,
    postrider.delivery_json to postrider_tenant;
