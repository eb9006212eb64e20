-- POST /v1/endpoints/{endpointId}/secret/rotate: the primary key.
update postrider.webhook_endpoints e
   set secret = decode(r.secret, 'base64'), public_key = r."publicKey", updated_at = now()
  from jsonb_to_record(:#${exchangeProperty.endpoint}::jsonb) as r ("endpointId" uuid, secret text, "publicKey" text)
 where e.endpoint_id = r."endpointId" and e.deleted_at is null
returning postrider.endpoint_json(e)::text as body
