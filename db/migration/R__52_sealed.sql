-- Replacing the encryption key: what is kept secret is read, encrypted anew by a node, and put back.
set local role postrider_engine;
-- Migrations run with row_security off, so that a forgotten backfill fails; a function's body is only rewritten here.
set local row_security = on;

create or replace function postrider.sealed_secrets()
    returns table (owner text, workspace_id uuid, id uuid, secret bytea, headers jsonb)
    language sql stable security definer set search_path = postrider, pg_temp as $$
    select 'source', workspace_id, source_id, secrets, '{}'::jsonb from webhook_sources
    union all
    select 'endpoint', workspace_id, endpoint_id, secret, headers from webhook_endpoints
$$;
comment on function postrider.sealed_secrets is 'What sources and endpoints of all workspaces keep secret, encrypted. Definer: nodes that replace the encryption key do it for all workspaces.';

create or replace function postrider.replace_sealed(owner text, workspace_id uuid, id uuid, old_secret bytea, secret bytea,
                                                    old_headers jsonb, headers jsonb) returns boolean
    language plpgsql security definer set search_path = postrider, pg_temp as $$
#variable_conflict use_column
begin
    -- The audit trail is written for the workspace, with this reason.
    perform set_config('app.active_workspace', replace_sealed.workspace_id::text, true),
            set_config('app.actor', 'new encryption key', true);
    if owner = 'source' then
        update webhook_sources s set secrets = replace_sealed.secret
         where s.workspace_id = replace_sealed.workspace_id and source_id = replace_sealed.id
           and secrets = replace_sealed.old_secret;
    else
        update webhook_endpoints e set secret = replace_sealed.secret, headers = replace_sealed.headers
         where e.workspace_id = replace_sealed.workspace_id and endpoint_id = replace_sealed.id
           and secret = replace_sealed.old_secret and headers = replace_sealed.old_headers;
    end if;
    return found;
end $$;
comment on function postrider.replace_sealed is 'Puts a secret back that was encrypted anew, unless somebody has changed it since it was read. Definer: as for sealed_secrets.';

revoke execute on function postrider.sealed_secrets, postrider.replace_sealed from public;
grant execute on function postrider.sealed_secrets, postrider.replace_sealed to postrider_operator;
set local role postrider_owner;
