-- Takes stored webhooks in again, once their source's secrets or their provider's route have been mended.
-- SECURITY DEFINER as the owner, who is bound by the policy of the active workspace like any tenant.
-- Migrations run with row_security off, so that a forgotten backfill fails; a function's body is only rewritten here.
set local row_security = on;

-- inbound_receipts_source serves; a receipt's id is made some moments after its time.
create or replace function postrider.stored_webhooks(
    workspace uuid, source uuid, since timestamptz, until timestamptz, verdicts text[], after uuid
) returns table (receipt_id uuid, verdict text, skipped text) language sql stable as $$
    select r.receipt_id, r.verdict,
           case when r.reprocess_of is not null then 'reprocessed' when r.verdict = 'duplicate' then 'duplicate'
                when r.body_cut then 'bodyCut' end
      from postrider.inbound_receipts r
     where r.workspace_id = workspace and r.source_id = source
       and r.received_at >= since and r.received_at < until
       and r.receipt_id > greatest(after, postrider.id_floor(since - interval '1 hour'))
       and r.receipt_id < postrider.id_floor(until + interval '1 hour')
       and (verdicts is null or r.verdict = any (verdicts))
$$;
comment on function postrider.stored_webhooks is 'The receipts of a source in a time, after an id, and why one is not taken in again: another one is of the same request or event, or its body was cut.';

create or replace function postrider.reprocess_receipts(request jsonb) returns jsonb
    language plpgsql security definer set search_path = postrider, pg_temp set plan_cache_mode = force_custom_plan as $$
#variable_conflict use_column
declare
    workspace constant uuid := required_workspace();
    since constant timestamptz := request ->> 'from';
    until constant timestamptz := least((request ->> 'to')::timestamptz, clock_timestamp());
    source constant uuid := request ->> 'sourceId';
    id uuid := request ->> 'receiptId';
    stored inbound_receipts;
    verdicts constant text[] := case when jsonb_exists(request, 'verdicts') then array (
        select jsonb_array_elements_text(request -> 'verdicts')) end;
    job jsonb := request - '{dryRun,receiptId}'::text[];
    found_ones jsonb;
    task uuid;
begin
    if id is not null then
        for attempt in 1..2 loop -- the second one for the request as it first came in
            select * into stored from inbound_receipts
             where workspace_id = workspace and receipt_id = id
               and received_at >= id_time(id) - interval '1 day' and received_at < id_time(id) + interval '1 day';
            exit when stored.reprocess_of is null;
            id := stored.reprocess_of;
        end loop;
        if stored.receipt_id is null then
            return null;
        end if;
        if stored.verdict = 'duplicate' or stored.body_cut then
            raise sqlstate 'PR409' using message = format(
                'receipt %s %s', id, case when stored.body_cut then 'has only the beginning of its body: have the provider send it again'
                                          else 'is a duplicate: reprocess the one that came first' end);
        end if;
        found_ones := jsonb_build_object('receipts', 1, 'verdicts', jsonb_build_object(stored.verdict, 1), 'skipped', '{}'::jsonb);
        job := jsonb_build_object('receiptId', id, 'sourceId', stored.source_id);
    else
        if since >= (request ->> 'to')::timestamptz then
            raise sqlstate 'PR400' using column = 'to', message = 'to is not later than from';
        end if;
        if not exists (select from webhook_sources where workspace_id = workspace and source_id = source) then
            return null;
        end if;
        with counted as (
            select verdict, skipped, count(*) as n
              from stored_webhooks(workspace, source, since, until, verdicts, null) group by verdict, skipped
        )
        select jsonb_build_object(
                   'receipts', (select coalesce(sum(n), 0) from counted where skipped is null),
                   'verdicts', (select coalesce(jsonb_object_agg(verdict, n), '{}') from counted where skipped is null),
                   'skipped', (select coalesce(jsonb_object_agg(skipped, n), '{}')
                                 from (select skipped, sum(n) as n from counted where skipped is not null group by skipped) s))
          into found_ones;
    end if;
    if (request ->> 'dryRun')::boolean then
        return found_ones;
    end if;
    if id is not null then
        task := enqueue_task('reprocess-receipt', jsonb_build_object('receiptId', id), unique_key => id::text);
    else
        task := enqueue_task('reprocess-receipts', job || jsonb_build_object('to', until, 'jobId', new_id()));
    end if;
    perform audit('receipts.reprocess', job || found_ones || jsonb_build_object('taskId', task));
    return found_ones || jsonb_build_object('taskId', task);
end $$;
comment on function postrider.reprocess_receipts is
    'Starts to take in again the requests of a source in a time, or that of one receipt, and says how many; dry, it only counts. Null when the workspace has no such source or receipt. Definer: the caller needs no right on the tables; the owner is bound to the active workspace.';

-- A node that dies after the commit makes the same page again: the unique keys keep that from becoming two jobs.
create or replace function postrider.reprocess_page(job jsonb) returns int
    language plpgsql security definer set search_path = postrider, pg_temp set plan_cache_mode = force_custom_plan as $$
declare
    page constant uuid[] := array (
        select receipt_id
          from stored_webhooks(required_workspace(), (job ->> 'sourceId')::uuid, (job ->> 'from')::timestamptz,
                               (job ->> 'to')::timestamptz,
                               case when jsonb_exists(job, 'verdicts') then array (
                                   select jsonb_array_elements_text(job -> 'verdicts')) end,
                               (job ->> 'after')::uuid)
         where skipped is null order by receipt_id limit 1000);
    last_one constant uuid := page[cardinality(page)];
begin
    perform enqueue_tasks((select jsonb_agg(jsonb_build_object('taskType', 'reprocess-receipt', 'uniqueKey', id,
                                                               'payload', jsonb_build_object('receiptId', id)))
                             from unnest(page) id))
      where cardinality(page) > 0;
    if cardinality(page) = 1000 then
        perform enqueue_task('reprocess-receipts', job || jsonb_build_object('after', last_one),
                             unique_key => (job ->> 'jobId') || '/' || last_one);
    end if;
    return cardinality(page);
end $$;
comment on function postrider.reprocess_page is
    'Enqueues a task for each of the next thousand receipts of a job, and one for the rest of it; returns how many. Definer: the caller needs no right on the tables; the owner is bound to the active workspace.';

revoke execute on function postrider.stored_webhooks, postrider.reprocess_receipts, postrider.reprocess_page from public;
grant execute on function postrider.reprocess_receipts, postrider.reprocess_page to postrider_tenant;
