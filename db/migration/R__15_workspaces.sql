-- The workspace of a transaction. Bound to it by the owner's policy, like everything that an application calls.
-- Migrations run with row_security off, so that a forgotten backfill fails; a function's body is only rewritten here.
set local row_security = on;

create or replace function postrider.required_workspace() returns uuid
    language plpgsql stable security definer set search_path = postrider, pg_temp as $$
declare
    workspace constant uuid := active_workspace();
    status text;
begin
    if workspace is null then
        raise sqlstate 'PR403' using
            message = 'no workspace is set in this transaction',
            hint = 'Call select set_config(''app.active_workspace'', <workspace id>, true) first, in the same transaction.';
    end if;
    select workspace_status into status from workspaces where workspace_id = workspace;
    if status is null or status = 'deleted' then
        raise sqlstate 'PR404' using
            message = format('workspace %s does not exist', workspace),
            hint = 'Make it first, or correct the id that was set.';
    end if;
    if status <> 'active' then
        raise sqlstate 'PR423' using
            message = format('workspace %s is %s', workspace, status),
            hint = 'What waits goes on when an operator makes it active again.';
    end if;
    return workspace;
end $$;
comment on function postrider.required_workspace is 'The workspace of this transaction; an error when none is set (PR403), when it does not exist (PR404), or when it is suspended (PR423). Definer: who produces has no right on workspaces.';
