-- DELETE /v1/endpoints/{endpointId}: its past deliveries stay readable, those that wait are discarded with that reason.
update postrider.webhook_endpoints e
   set deleted_at = now(), enabled = false, updated_at = now()
  from jsonb_to_record(:#${exchangeProperty.request}::jsonb) as r ("endpointId" uuid)
 where e.endpoint_id = r."endpointId" and e.deleted_at is null
returning e.endpoint_id
