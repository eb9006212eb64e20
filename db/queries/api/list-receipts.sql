-- GET /v1/receipts: always a range of time, so that partitions are pruned; the primary key, newest first.
with r as (
    select *, coalesce("to", now() + interval '1 second') as until
      from jsonb_to_record(:#${exchangeProperty.request}::jsonb) as r (
           "sourceId" uuid, verdict text, "from" timestamptz, "to" timestamptz, "limit" int, cursor uuid)
), page as (
    select i.receipt_id, postrider.receipt_json(i) as item
      from r, postrider.inbound_receipts i
     where i.workspace_id = (select postrider.active_workspace())
       and i.received_at >= coalesce(r."from", r.until - interval '7 days') and i.received_at < r.until
       and i.receipt_id < coalesce(r.cursor, postrider.id_floor(r.until))
       and (r."sourceId" is null or i.source_id = r."sourceId")
       and (r.verdict is null or i.verdict = r.verdict)
     order by i.receipt_id desc
     limit (select coalesce("limit", 50) + 1 from r)
)
select postrider.page(array_agg(item order by receipt_id desc), array_agg(receipt_id order by receipt_id desc), (select "limit" from r)) as body
  from page
