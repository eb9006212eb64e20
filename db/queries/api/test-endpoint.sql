-- POST /v1/endpoints/{endpointId}/test
select postrider.test_endpoint(r."endpointId")::text as body
  from jsonb_to_record(:#${exchangeProperty.request}::jsonb) as r ("endpointId" uuid)
