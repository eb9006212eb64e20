-- POST /v1/workspaces/{workspaceId}/erasure
select postrider.request_erasure(r."workspaceId", r.reason)::text as body
  from set_config('app.actor', :#${exchangeProperty.actor}, true)
     , jsonb_to_record(:#${exchangeProperty.request}::jsonb) as r ("workspaceId" uuid, reason text)
