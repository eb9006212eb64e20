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

revoke execute on function postrider.source_json, postrider.receipt_json, postrider.body_json from public;
grant execute on function postrider.source_json, postrider.receipt_json, postrider.body_json to postrider_tenant;
