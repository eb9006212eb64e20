-- What the API shows of sources and receipts.
-- Migrations run with row_security off, so that a forgotten backfill fails; a function's body is only rewritten here.
set local row_security = on;

create or replace function postrider.source_json(s postrider.webhook_sources, public_url text) returns jsonb
    language sql stable parallel safe
return jsonb_build_object(
    'sourceId', s.source_id, 'provider', s.provider,
    'url', public_url || '/webhooks/' || s.provider || '/' || s.source_key, 'taskType', s.task_type,
    'enabled', s.enabled, 'createdAt', postrider.utc(s.created_at), 'updatedAt', postrider.utc(s.updated_at));
comment on function postrider.source_json is 'A source as the API shows it: never with its secrets.';

create or replace function postrider.receipt_json(r postrider.inbound_receipts) returns jsonb
    language sql stable parallel safe
return jsonb_build_object(
    'receiptId', r.receipt_id, 'sourceId', r.source_id, 'provider', r.provider, 'receivedAt', postrider.utc(r.received_at),
    'verdict', r.verdict, 'reason', r.reason, 'eventId', r.event_id, 'eventType', r.event_type, 'refId', r.ref_id,
    'stateVersion', r.state_version, 'occurredAt', postrider.utc(r.occurred_at), 'reprocessOf', r.reprocess_of);
comment on function postrider.receipt_json is 'A receipt as lists show it: without headers and body.';

create or replace function postrider.body_json(body bytea) returns jsonb
    language plpgsql immutable parallel safe set search_path = pg_catalog, pg_temp as $$
begin
    return jsonb_build_object('body', convert_from(body, 'UTF8'), 'bodyEncoding', 'utf-8');
exception when character_not_in_repertoire or untranslatable_character then
    return jsonb_build_object('body', translate(encode(body, 'base64'), E'\n', ''), 'bodyEncoding', 'base64');
end $$;
comment on function postrider.body_json is 'Raw bytes as JSON can hold them: as text if they are UTF-8, otherwise in base64.';

-- From inbound_receipts_source alone; a busy source costs no more than its newest ten thousand entries there. What was
-- taken in again says nothing about the provider.
create or replace function postrider.source_health(workspace uuid, source uuid) returns jsonb
    language plpgsql stable set search_path = postrider, pg_temp set plan_cache_mode = force_custom_plan as $$
declare
    month constant timestamptz := now() - interval '30 days';
    day constant timestamptz := now() - interval '1 day';
    soon constant timestamptz := now() + interval '1 minute'; -- no partition of the months to come
begin
    return jsonb_build_object(
        'lastReceivedAt', (
            select utc(received_at) from inbound_receipts
             where workspace_id = workspace and source_id = source and received_at >= month
               and received_at < soon and reprocess_of is null
             order by receipt_id desc limit 1),
        'lastEventAt', (
            select utc(received_at)
              from (select receipt_id, received_at, verdict from inbound_receipts
                     where workspace_id = workspace and source_id = source and received_at >= month
                       and received_at < soon and reprocess_of is null
                     order by receipt_id desc limit 10000) newest
             where verdict in ('applied', 'tied', 'stale', 'accepted') order by receipt_id desc limit 1),
        'lastDay', (
            select coalesce(jsonb_object_agg(verdict, n), '{}')
              from (select verdict, count(*) as n
                      from (select verdict from inbound_receipts
                             where workspace_id = workspace and source_id = source and received_at >= day
                               and received_at < soon
                               and receipt_id > id_floor(day - interval '1 hour') and reprocess_of is null
                             order by receipt_id desc limit 10000) newest
                     group by verdict) counted),
        'lag', (
            select round(extract(epoch from percentile_cont(0.5) within group (order by received_at - occurred_at)) * 1000)
              from (select received_at, occurred_at
                      from (select receipt_id, received_at, occurred_at from inbound_receipts
                             where workspace_id = workspace and source_id = source and received_at >= month
                               and received_at < soon and reprocess_of is null
                             order by receipt_id desc limit 10000) newest
                     where occurred_at is not null order by receipt_id desc limit 100) timed));
end $$;
comment on function postrider.source_health is 'What came in at a source lately: when, what became of it, and how long after it happened.';

-- SECURITY DEFINER: tenants may change their sources, but not write the audit trail. It shows neither secrets nor the url.
create or replace function postrider.on_source_changed() returns trigger
    language plpgsql security definer set search_path = postrider, pg_temp as $$
declare
    hidden constant text[] := '{source_key,workspace_id,updated_at,created_at,secret_count}';
    source constant webhook_sources := coalesce(new, old);
    fields text[];
begin
    if tg_op = 'UPDATE' then
        fields := array (select after.key from jsonb_each(to_jsonb(new) - hidden) after
                           join jsonb_each(to_jsonb(old)) before using (key)
                          where after.value <> before.value order by 1);
    end if;
    perform audit(case tg_op when 'INSERT' then 'source.created' when 'UPDATE' then 'source.updated' else 'source.deleted' end,
                  jsonb_strip_nulls(jsonb_build_object(
                      'sourceId', source.source_id, 'provider', source.provider, 'changed', fields,
                      'secrets', case when tg_op = 'INSERT' or 'secrets' = any (fields) then source.secret_count end,
                      'before', case when tg_op = 'UPDATE' then to_jsonb(old) - hidden - 'secrets'::text end,
                      'after', case when tg_op <> 'DELETE' then to_jsonb(new) - hidden - 'secrets'::text end)));
    return null;
end $$;
comment on function postrider.on_source_changed is 'Writes changes of sources to the audit trail, of their secrets only how many. Definer: tenants may change their sources, but not write the audit trail.';
create or replace trigger on_source_changed after insert or update or delete on postrider.webhook_sources
    for each row when (postrider.active_workspace() is not null) -- else it is a migration, or a superuser at work
    execute function postrider.on_source_changed();

revoke execute on function postrider.source_health, postrider.on_source_changed from public;
grant execute on function postrider.source_health to postrider_tenant;
revoke execute on function postrider.source_json, postrider.receipt_json, postrider.body_json from public;
grant execute on function postrider.source_json, postrider.receipt_json, postrider.body_json to postrider_tenant;
