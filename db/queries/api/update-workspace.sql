-- PATCH /v1/workspaces/{workspaceId}
select postrider.change_workspace(r."workspaceId", r.status, r.reason)::text as body
  from set_config('app.actor', :#${exchangeProperty.actor}, true)
     , jsonb_to_record(:#${exchangeProperty.request}::jsonb) as r ("workspaceId" uuid, status text, reason text)
