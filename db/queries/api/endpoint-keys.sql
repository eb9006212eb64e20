-- What an endpoint keeps secret, locked, because it is about to be changed: the primary key.
select e.secret
  from postrider.webhook_endpoints e, jsonb_to_record(:#${exchangeProperty.request}::jsonb) as r ("endpointId" uuid)
 where e.endpoint_id = r."endpointId" and e.deleted_at is null
   for no key update of e
