-- GET /v1/sources/{sourceId}: the primary key; its health from the index of the receipts.
select (postrider.source_json(s, :#${exchangeProperty.publicUrl})
            || jsonb_build_object('health', postrider.source_health(s.workspace_id, s.source_id)))::text as body
  from postrider.webhook_sources s, jsonb_to_record(:#${exchangeProperty.request}::jsonb) as r ("sourceId" uuid)
 where s.source_id = r."sourceId"
