-- GET /v1/sources/{sourceId}: the primary key.
select postrider.source_json(s, :#${exchangeProperty.publicUrl})::text as body
  from postrider.webhook_sources s, jsonb_to_record(:#${exchangeProperty.request}::jsonb) as r ("sourceId" uuid)
 where s.source_id = r."sourceId"
