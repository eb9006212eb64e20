-- The request that a receipt holds, and the source that it came in at as it is now: the primary keys; the id tells the
-- time within which its partition is.
select s.source_id, s.workspace_id, s.secrets, s.enabled, i.receipt_id, i.provider, i.received_at, i.url
     , coalesce(starts_with(i.reason, 'fetched'), false) as fetched
     , i.headers::text as headers, i.body
  from (select :#${exchangeProperty.receiptId}::uuid as id) r
  join postrider.inbound_receipts i on i.receipt_id = r.id
   and i.received_at >= postrider.id_time(r.id) - interval '1 day'
   and i.received_at < postrider.id_time(r.id) + interval '1 day'
  join postrider.webhook_sources s on s.source_id = i.source_id
