-- Whoever changes an endpoint, in whichever way: the audit trail says so, in the same transaction.
-- Migrations run with row_security off, so that a forgotten backfill fails; a function's body is only rewritten here.
set local row_security = on;

-- SECURITY DEFINER: tenants may change their endpoints, but not write the audit trail. Secrets are left out of it.
create or replace function postrider.on_endpoint_changed() returns trigger
    language plpgsql security definer set search_path = postrider, pg_temp as $$
declare
    hidden constant text[] := '{secret,headers,workspace_id,updated_at,created_at}';
begin
    perform audit(
        case when tg_op = 'INSERT' then 'endpoint.created'
             when new.deleted_at is not null and old.deleted_at is null then 'endpoint.deleted'
             when old.enabled and not new.enabled then 'endpoint.disabled'
             when new.enabled and not old.enabled then 'endpoint.enabled'
             else 'endpoint.updated' end,
        jsonb_build_object('endpointId', new.endpoint_id, 'url', new.url, 'reason', new.disabled_reason,
                           'before', case when tg_op = 'UPDATE' then to_jsonb(old) - hidden end,
                           'after', to_jsonb(new) - hidden));
    return null;
end $$;
comment on function postrider.on_endpoint_changed is 'Writes changes of endpoints to the audit trail, without their secrets. Definer: tenants may change their endpoints, but not write the audit trail.';
create or replace trigger on_endpoint_changed after insert or update on postrider.webhook_endpoints
    for each row execute function postrider.on_endpoint_changed();
revoke execute on function postrider.on_endpoint_changed from public;
