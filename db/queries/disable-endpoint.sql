-- Disables an endpoint that answered 410, unless it was given another url meanwhile. A trigger audits it.
update postrider.webhook_endpoints
   set enabled = false
     , disabled_reason = 'answered 410: it wants no more deliveries'
     , updated_at = now()
 where endpoint_id = :#${exchangeProperty.endpointId}::uuid
   and url = :#${exchangeProperty.attemptReport}::jsonb ->> 'url'
   and enabled
