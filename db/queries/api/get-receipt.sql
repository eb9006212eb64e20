-- GET /v1/receipts/{receiptId}: the primary key; the id tells the time within which its partition is.
select (postrider.receipt_json(i) || jsonb_build_object('url', i.url, 'headers', i.headers, 'bodyCut', i.body_cut)
            || postrider.body_json(i.body))::text as body
  from postrider.inbound_receipts i, jsonb_to_record(:#${exchangeProperty.request}::jsonb) as r ("receiptId" uuid)
 where i.receipt_id = r."receiptId"
   and i.received_at >= postrider.id_time(r."receiptId") - interval '1 day'
   and i.received_at < postrider.id_time(r."receiptId") + interval '1 day'
