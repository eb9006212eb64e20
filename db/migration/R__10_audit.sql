-- The audit trail is written by the functions that change something, in the transaction that does it, and by operators.
-- SECURITY DEFINER as the owner: nobody else may insert, and the owner is bound to the active workspace.
-- Migrations run with row_security off, so that a forgotten backfill fails; a function's body is only rewritten here.
set local row_security = on;

create or replace function postrider.audit(event_type text, payload jsonb) returns void
    language sql security definer set search_path = postrider, pg_temp
begin atomic
    select postrider.require_partitions();
    insert into postrider.system_events (workspace_id, category, event_type, actor, payload)
    values (coalesce(postrider.active_workspace(), '00000000-0000-0000-0000-000000000000'), 'audit', audit.event_type,
            coalesce(nullif(current_setting('app.actor', true), ''), session_user), audit.payload);
end;
comment on function postrider.audit is 'Adds a row to the audit trail of the active workspace; the actor is the setting app.actor, or else the login. Definer: nobody but the functions that change something may write the trail; the owner is bound to the active workspace.';
revoke execute on function postrider.audit from public;
grant execute on function postrider.audit to postrider_operator;
