-- 400 workspaces with a million rows between them, from two months ago until now, as a superuser loads them: no triggers.
-- Every workspace has its share of everything; ids tell the time, as real ones do.
set session_replication_role = replica;

create function pg_temp.workspace(n int) returns uuid language sql
return ('00000000-0000-7000-8000-' || lpad(to_hex(1 + n % 400), 12, '0'))::uuid;
create function pg_temp.id(moment timestamptz) returns uuid language sql
return (left(postrider.id_floor(moment)::text, 19) || right(gen_random_uuid()::text, 17))::uuid;
create function pg_temp.moments(size int) returns table (n int, moment timestamptz) language sql as $$
    select n, since + (now() - since) * n / size
      from (select date_trunc('month', now()) - interval '2 months' as since) s, generate_series(1, size) n
$$;

select postrider.make_partition(p.partrelid, postrider.period_after('month', now(), -ago), postrider.period_after('month', now(), 1 - ago))
  from pg_partitioned_table p, generate_series(1, 2) ago;

insert into postrider.workspaces (workspace_id, name)
select pg_temp.workspace(n), 'workspace ' || n from generate_series(1, 400) n on conflict do nothing;

insert into postrider.workspace_assets (asset_id, workspace_id, name, media_type, content, inserted_at, deleted_at)
select pg_temp.id(moment), pg_temp.workspace(n), 'report-' || n || '.csv', 'text/csv', repeat('x', 100)::bytea, moment
     , case when n / 400 % 10 = 0 then now() end
  from pg_temp.moments(200000);

insert into postrider.background_tasks (task_id, workspace_id, task_type, scheduled_at, ready, created_at)
select pg_temp.id(moment), pg_temp.workspace(n), 'plans', case when n / 400 % 4 = 0 then now() + interval '1 day' else moment end
     , n / 400 % 4 > 0, moment
  from pg_temp.moments(50000);

insert into postrider.task_limits (workspace_id, limit_key, max_running)
select pg_temp.workspace(n), 'key-' || n, 1 from generate_series(1, 40000) n;

insert into postrider.task_history (task_id, workspace_id, kind, task_type, task_status, priority_rank, scheduled_at,
                                    attempt_count, failure_count, completed_at, created_at, payload)
select pg_temp.id(moment), pg_temp.workspace(n), 'task', 'plans', 'completed', 0, moment, 1, 0, moment, moment, '{}'
  from pg_temp.moments(200000);

insert into postrider.dead_letters (dead_letter_id, workspace_id, task_id, kind, task_type, priority_rank, attempt_count,
                                    failure_count, created_at, dead_at, reason, payload, attempts)
select pg_temp.id(moment), pg_temp.workspace(n), pg_temp.id(moment), 'task', 'plans', 0, 1, 1, moment, moment, 'plans', '{}', '[]'
  from pg_temp.moments(20000);

insert into postrider.replays (replay_id, workspace_id, action, filter, replay_status, actor, matched, created_at)
select pg_temp.id(moment), pg_temp.workspace(n), 'replay', '{"all": true}', 'paused', 'plans', 1, moment from pg_temp.moments(20000);

insert into postrider.system_events (event_id, workspace_id, occurred_at, category, event_type)
select pg_temp.id(moment), pg_temp.workspace(n), moment, case when n / 400 % 2 = 0 then 'event' else 'audit' end, 'plans'
  from pg_temp.moments(200000);

insert into postrider.webhook_sources (workspace_id, provider, source_key, secrets)
select pg_temp.workspace(n), 'stripe', 'source-' || n, '' from generate_series(1, 4000) n;

insert into postrider.inbound_receipts (receipt_id, workspace_id, source_id, provider, received_at, verdict, headers, body)
select pg_temp.id(moment), workspace_id, source_id, 'stripe', moment, 'applied', '{}', ''
  from pg_temp.moments(100000)
  join (select distinct on (workspace_id) workspace_id, source_id from postrider.webhook_sources) s
    on workspace_id = pg_temp.workspace(n);

insert into postrider.inbound_keys (workspace_id, source_id, event_id, receipt_id, received_at)
select pg_temp.workspace(n), gen_random_uuid(), 'event-' || n, gen_random_uuid(), moment from pg_temp.moments(40000);

insert into postrider.billing_events (workspace_id, provider, provider_ref_id, state_version, receipt_id, event_data)
select pg_temp.workspace(n), 'stripe', 'ref-' || n, 1, gen_random_uuid(), '{}' from generate_series(1, 40000) n;

insert into postrider.webhook_endpoints (workspace_id, url, event_types, secret)
select pg_temp.workspace(n), 'https://example.com', '{nothing}', '' from generate_series(1, 4000) n;

insert into postrider.deliveries (delivery_id, workspace_id, event_id, occurred_at, endpoint_id, event_type, created_at)
select pg_temp.id(occurred_at), workspace_id, event_id, occurred_at, endpoint_id, event_type, occurred_at
  from postrider.system_events
  join (select distinct on (workspace_id) workspace_id, endpoint_id from postrider.webhook_endpoints) e using (workspace_id)
 where category = 'event';

insert into postrider.delivery_attempts (workspace_id, delivery_id, attempted_at, attempt, request_url, request_headers,
                                         request_body, response_status, duration, endpoint_id, outcome)
select workspace_id, delivery_id, created_at, 1, 'https://example.com', '{}', '{}', 200, 10, endpoint_id, 'delivered'
  from postrider.deliveries;

insert into postrider.endpoint_circuits (workspace_id, endpoint_id, last_failure)
select workspace_id, endpoint_id, 'plans' from postrider.webhook_endpoints;

insert into postrider.event_keys (workspace_id, event_key, event_id, request_hash, created_at)
select pg_temp.workspace(n), 'key-' || n, gen_random_uuid(), '', moment from pg_temp.moments(40000);

insert into postrider.idempotency_keys (workspace_id, idempotency_key, request_hash)
select pg_temp.workspace(n), 'key-' || n, '' from generate_series(1, 40000) n;

insert into postrider.schedules (schedule_id, workspace_id, task_type, every, next_tick_at, created_at)
select pg_temp.id(moment), pg_temp.workspace(n), 'plans', 86400000, now() + interval '1 day', moment
  from pg_temp.moments(4000);

insert into postrider.erasures (workspace_id, erasure_status, reason, actor, ended_at)
select pg_temp.workspace(n), 'completed', 'plans', 'plans', now() from generate_series(1, 400) n;

insert into postrider.api_keys (workspace_id, key_hash, scopes)
select pg_temp.workspace(n), sha256(n::text::bytea), '{inspect}' from generate_series(1, 4000) n;

reset session_replication_role;
