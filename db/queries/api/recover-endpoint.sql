-- POST /v1/endpoints/{endpointId}/recover: a replay of what has failed since. The endpoint has to be able to take it.
select postrider.recover_endpoint(r."endpointId", r.since)::text as body
  from jsonb_to_record(:#${exchangeProperty.request}::jsonb) as r ("endpointId" uuid, since timestamptz)
