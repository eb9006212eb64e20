-- What the API shows of erasures.
-- Migrations run with row_security off, so that a forgotten backfill fails; a function's body is only rewritten here.
set local row_security = on;

create or replace function postrider.erasure_json(e postrider.erasures) returns jsonb
    language sql stable parallel safe set search_path = postrider, pg_temp
return jsonb_build_object(
    'erasureId', e.erasure_id, 'workspaceId', e.workspace_id, 'status', e.erasure_status, 'reason', e.reason,
    'actor', e.actor, 'requestedAt', postrider.utc(e.created_at), 'endedAt', postrider.utc(e.ended_at), 'heldUp', e.held_up,
    'deleted', e.row_counts - 'system_events'::text, 'blanked', coalesce((e.row_counts ->> 'system_events')::bigint, 0),
    'teamTables', to_jsonb(e.team_tables));
comment on function postrider.erasure_json is 'An erasure as the API shows it: how far it has come, and its receipt.';

revoke execute on function postrider.erasure_json from public;
grant execute on function postrider.erasure_json to postrider_operator, postrider_engine;
