-- What takes in a webhook: called by the engine's routes, in the transaction that the provider's own steps join.
-- SECURITY DEFINER as the owner, who is bound by the policy of the active workspace like any tenant.
-- Migrations run with row_security off, so that a forgotten backfill fails; a function's body is only rewritten here.
set local row_security = on;

-- Two unique keys make it safe under parallel deliveries from several nodes: inbound_keys lets one of several equal
-- events through, the others wait for its commit; the upsert locks the object's row and compares the version that is
-- committed then, so an older one never overwrites a newer one.
create or replace function postrider.receive_webhook(webhook jsonb, body bytea)
    returns table (receipt_id uuid, verdict text, reason text)
    language plpgsql security definer set search_path = postrider, pg_temp as $$
#variable_conflict use_column
declare
    workspace constant uuid := required_workspace();
    receipt constant uuid := new_id();
    event constant text := webhook ->> 'eventId';
    ref constant text := webhook ->> 'refId';
    version constant bigint := webhook ->> 'version';
    kind constant text := webhook ->> 'eventType';
    source webhook_sources;
    outcome text := webhook ->> 'verdict';
    was_tied boolean;
begin
    select * into source from webhook_sources
     where workspace_id = workspace and source_id = (webhook ->> 'sourceId')::uuid;
    if not found then
        raise sqlstate 'PR404' using message = format('source %s does not exist', webhook ->> 'sourceId');
    end if;
    if outcome is null and event is not null then
        insert into inbound_keys (workspace_id, source_id, event_id, receipt_id)
        values (workspace, source.source_id, event, receipt)
        on conflict do nothing;
        if not found then
            outcome := 'duplicate';
        end if;
    end if;
    if outcome is null and (ref is null or version is null) then
        outcome := 'accepted';
    elsif outcome is null then
        insert into billing_events as known (workspace_id, provider, provider_ref_id, state_version, event_type,
                                             occurred_at, receipt_id, event_data)
        values (workspace, source.provider, ref, version, kind, (webhook ->> 'occurredAt')::timestamptz, receipt,
                webhook -> 'payload')
        on conflict (workspace_id, provider, provider_ref_id) do update
            set state_version = excluded.state_version, event_type = excluded.event_type,
                tied = known.state_version = excluded.state_version, occurred_at = excluded.occurred_at,
                processed_at = now(), receipt_id = excluded.receipt_id, event_data = excluded.event_data
          where known.state_version <= excluded.state_version
        returning tied into was_tied;
        outcome := case when was_tied then 'tied' when not was_tied then 'applied' else 'stale' end;
    end if;
    insert into inbound_receipts (receipt_id, workspace_id, source_id, provider, verdict, reason, event_id, event_type,
                                  ref_id, state_version, occurred_at, headers, body)
    values (receipt, workspace, source.source_id, source.provider, outcome, webhook ->> 'reason', event, kind, ref,
            version, (webhook ->> 'occurredAt')::timestamptz, webhook -> 'headers', receive_webhook.body);
    if outcome in ('applied', 'tied', 'accepted') then
        perform audit('webhook.' || outcome, jsonb_build_object(
            'receiptId', receipt, 'sourceId', source.source_id, 'provider', source.provider, 'eventId', event,
            'eventType', kind, 'refId', ref, 'version', version));
        if source.task_type is not null then
            perform enqueue_task(source.task_type, jsonb_build_object(
                'provider', source.provider, 'sourceId', source.source_id, 'eventId', event, 'eventType', kind,
                'refId', ref, 'version', version, 'receiptId', receipt));
        end if;
    end if;
    return query select receipt, outcome, webhook ->> 'reason';
end $$;
comment on function postrider.receive_webhook is
    'Takes in a webhook of the active workspace: refuses repetitions, applies it to the mirror unless a newer version is there, and leaves a receipt, an audit row and the source''s task. A verdict that is given (rejected, ignored) is only recorded. Definer: the caller needs no right on the tables; the owner is bound to the active workspace.';
revoke execute on function postrider.receive_webhook from public;
grant execute on function postrider.receive_webhook to postrider_tenant;
