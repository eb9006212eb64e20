-- GET /v1/endpoints/{endpointId}: the primary key.
select postrider.endpoint_json(e)::text as body
  from postrider.webhook_endpoints e, jsonb_to_record(:#${exchangeProperty.request}::jsonb) as r ("endpointId" uuid)
 where e.endpoint_id = r."endpointId" and e.deleted_at is null
