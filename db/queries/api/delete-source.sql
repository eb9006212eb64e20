-- DELETE /v1/sources/{sourceId}: the primary key; receipts and mirror stay.
delete from postrider.webhook_sources s
 using jsonb_to_record(:#${exchangeProperty.request}::jsonb) as r ("sourceId" uuid)
 where s.source_id = r."sourceId"
returning s.source_id
