-- GET /v1/endpoints/{endpointId}: the primary keys, and delivery_attempts_endpoint.
select (postrider.endpoint_json(e) || jsonb_build_object('statistics', postrider.endpoint_statistics(e.endpoint_id)))::text as body
  from postrider.webhook_endpoints e, jsonb_to_record(:#${exchangeProperty.request}::jsonb) as r ("endpointId" uuid)
 where e.endpoint_id = r."endpointId" and e.deleted_at is null
