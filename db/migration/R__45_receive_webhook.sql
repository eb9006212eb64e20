-- What takes in a webhook: called by the engine's routes, in the transaction that the provider's own steps join.
-- SECURITY DEFINER as the owner, who is bound by the policy of the active workspace like any tenant.
-- Migrations run with row_security off, so that a forgotten backfill fails; a function's body is only rewritten here.
set local row_security = on;

-- The upsert locks the object's row and compares what is committed then, so whatever the order of arrival the same state
-- remains: the newest version; of those a deletion; of those the one that happened last. Only where the provider says
-- nothing that tells two of them apart does the last to arrive remain.
create or replace function postrider.apply_state(
    workspace uuid, provider text, ref text, version bigint, event_type text, occurred_at timestamptz, receipt uuid,
    payload jsonb, deleted boolean
) returns text language plpgsql set search_path = postrider, pg_temp as $$
#variable_conflict use_column
declare
    is_tied boolean;
begin
    insert into billing_events as known (workspace_id, provider, provider_ref_id, state_version, event_type, occurred_at,
                                         receipt_id, event_data, deleted)
    values (apply_state.workspace, apply_state.provider, ref, version, apply_state.event_type, apply_state.occurred_at,
            receipt, payload, coalesce(apply_state.deleted, false))
    on conflict (workspace_id, provider, provider_ref_id) do update
        set state_version = excluded.state_version, event_type = excluded.event_type,
            tied = known.state_version = excluded.state_version and excluded.receipt_id is not null
                   and (known.tied or known.receipt_id is distinct from excluded.receipt_id),
            occurred_at = excluded.occurred_at, processed_at = now(), receipt_id = excluded.receipt_id,
            event_data = case when excluded.deleted and excluded.event_data in ('null', '{}', '""') then known.event_data
                              else excluded.event_data end,
            deleted = excluded.deleted
      where known.receipt_id = excluded.receipt_id -- it is taken in again
         or known.state_version < excluded.state_version
         or known.state_version = excluded.state_version
            and (excluded.deleted and not known.deleted
                 or excluded.deleted = known.deleted
                    and coalesce(known.occurred_at <= excluded.occurred_at, true))
    returning tied into is_tied;
    return case when is_tied then 'tied' when not is_tied then 'applied' else 'stale' end;
end $$;
comment on function postrider.apply_state is
    'Writes a state to the mirror unless a newer one is there, and says what became of it: applied, tied or stale. Without a receipt it was fetched, which settles a tie.';

create or replace function postrider.mirror_state(
    provider text, ref_id text, version bigint, payload jsonb, deleted boolean default false
) returns text language plpgsql security definer set search_path = postrider, pg_temp as $$
declare
    workspace constant uuid := required_workspace();
    verdict constant text := apply_state(workspace, provider, ref_id, version, null, null, null, payload, deleted);
begin
    if verdict = 'applied' then
        perform audit('mirror.applied', jsonb_build_object(
            'provider', provider, 'refId', ref_id, 'version', version, 'deleted', coalesce(deleted, false)));
    end if;
    return verdict;
end $$;
comment on function postrider.mirror_state is
    'Writes a state that was fetched from the provider to the mirror of the active workspace, unless a newer one is there: applied or stale. Definer: the caller needs no right on the tables; the owner is bound to the active workspace.';

-- A burst of ties asks once. What ties while the answer is being fetched may be newer than the answer, so it is asked for
-- once more, behind the task that runs: an answer from before never overwrites one from after.
create or replace function postrider.enqueue_refetch(
    workspace uuid, task_type text, provider text, ref text, payload jsonb
) returns void language plpgsql set search_path = postrider, pg_temp set enable_seqscan = off as $$
#variable_conflict use_column
declare
    object constant text := enqueue_refetch.provider || '/' || case
        when char_length(ref) <= 180 then ref else encode(sha256(convert_to(ref, 'UTF8')), 'hex') end;
    is_running constant boolean := exists (
        select from background_tasks t
         where t.workspace_id = enqueue_refetch.workspace and t.task_type = enqueue_refetch.task_type
           and t.unique_key = object and t.task_status = 'processing');
begin
    perform enqueue_task(enqueue_refetch.task_type, enqueue_refetch.payload, ordering_key => object,
                         unique_key => object || case when is_running then '/next' else '' end);
end $$;
comment on function postrider.enqueue_refetch is 'Enqueues the task that asks the provider for the state of an object, unless one that does waits already.';

-- inbound_keys lets one of several equal events through; the others wait for its commit, on whatever node they are.
create or replace function postrider.receive_webhook(webhook jsonb, body bytea)
    returns table (receipt_id uuid, verdict text, reason text)
    language plpgsql security definer set search_path = postrider, pg_temp as $$
#variable_conflict use_column
declare
    workspace constant uuid := required_workspace();
    receipt constant uuid := new_id();
    again constant uuid := webhook ->> 'again';
    request constant uuid := coalesce(again, receipt);
    event constant text := webhook ->> 'eventId';
    ref constant text := webhook ->> 'refId';
    version constant bigint := webhook ->> 'version';
    kind constant text := webhook ->> 'eventType';
    source webhook_sources;
    outcome text := webhook ->> 'verdict';
    work jsonb;
begin
    perform require_partitions();
    select * into source from webhook_sources
     where workspace_id = workspace and source_id = (webhook ->> 'sourceId')::uuid;
    if not found then
        raise sqlstate 'PR404' using message = format('source %s does not exist', webhook ->> 'sourceId');
    end if;
    if outcome is null and event is not null then
        insert into inbound_keys as known (workspace_id, source_id, event_id, receipt_id)
        values (workspace, source.source_id, event, request)
        on conflict (workspace_id, source_id, event_id) do update set receipt_id = excluded.receipt_id
          where known.receipt_id = excluded.receipt_id; -- the same request is taken in again
        if not found then
            outcome := 'duplicate';
        end if;
    end if;
    if outcome is null and (ref is null or version is null) then
        outcome := 'accepted';
    elsif outcome is null then
        outcome := apply_state(workspace, source.provider, ref, version, kind, (webhook ->> 'occurredAt')::timestamptz,
                               request, webhook -> 'payload', (webhook ->> 'deleted')::boolean);
    end if;
    insert into inbound_receipts (receipt_id, workspace_id, source_id, provider, verdict, reason, event_id, event_type,
                                  ref_id, state_version, occurred_at, url, headers, body, body_cut,
                                  reprocess_of)
    values (receipt, workspace, source.source_id, source.provider, outcome, webhook ->> 'reason', event, kind, ref,
            version, (webhook ->> 'occurredAt')::timestamptz, nullif(webhook ->> 'url', ''), webhook -> 'headers',
            receive_webhook.body, coalesce((webhook ->> 'bodyCut')::boolean, false), again);
    if outcome in ('applied', 'tied', 'accepted') then
        work := jsonb_build_object('provider', source.provider, 'sourceId', source.source_id, 'eventId', event,
                                   'eventType', kind, 'refId', ref, 'version', version, 'receiptId', receipt);
        perform audit('webhook.' || outcome, work);
        if source.task_type is not null then
            perform enqueue_task(source.task_type, work);
        end if;
        if outcome = 'tied' and webhook ->> 'refetch' is not null then
            perform enqueue_refetch(workspace, webhook ->> 'refetch', source.provider, ref, work);
        end if;
    end if;
    return query select receipt, outcome, webhook ->> 'reason';
end $$;
comment on function postrider.receive_webhook is
    'Takes in a webhook of the active workspace: refuses repetitions, applies it to the mirror unless a newer version is there, and leaves a receipt, an audit row and the source''s task, and the refetch task if it ties. A verdict that is given (rejected, ignored) is only recorded. A request that came in before (again) is a duplicate only of others. Definer: the caller needs no right on the tables; the owner is bound to the active workspace.';
revoke execute on function postrider.apply_state, postrider.mirror_state, postrider.enqueue_refetch, postrider.receive_webhook
    from public;
grant execute on function postrider.mirror_state, postrider.receive_webhook to postrider_tenant;
