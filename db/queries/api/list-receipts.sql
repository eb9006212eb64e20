-- GET /v1/receipts: always a range of time, so that partitions are pruned; newest first by the primary key,
-- or those of one source by inbound_receipts_source: a quiet source beside a busy one is found as quickly.
with r as (
    select "sourceId", verdict, "limit"
         , coalesce("limit", 50) + 1 as size
         , coalesce("from", coalesce("to", now()) - interval '7 days') as since
         , coalesce("to", now() + interval '1 second') as until
         , coalesce(cursor, postrider.id_floor(coalesce("to", now() + interval '1 second'))) as end_id
      from jsonb_to_record(:#${exchangeProperty.request}::jsonb) as r (
           "sourceId" uuid, verdict text, "from" timestamptz, "to" timestamptz, "limit" int, cursor uuid)
), page as (
    (select i.receipt_id, postrider.receipt_json(i) as item
       from postrider.inbound_receipts i
      where (select "sourceId" from r) is null
        and i.received_at >= (select since from r) and i.received_at < (select until from r)
        and i.receipt_id < (select end_id from r)
        and ((select verdict from r) is null or i.verdict = (select verdict from r))
      order by i.receipt_id desc
      limit (select size from r))
    union all
    (select i.receipt_id, postrider.receipt_json(i) as item
       from postrider.inbound_receipts i
      where i.source_id = (select "sourceId" from r)
        and i.received_at >= (select since from r) and i.received_at < (select until from r)
        and i.receipt_id < (select end_id from r)
        and ((select verdict from r) is null or i.verdict = (select verdict from r))
      order by i.receipt_id desc
      limit (select size from r))
)
select postrider.page(array_agg(item order by receipt_id desc), array_agg(receipt_id order by receipt_id desc), (select "limit" from r)) as body
  from page
