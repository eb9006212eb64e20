-- GET /v1/workspaces/{workspaceId}/erasure: the primary key.
select postrider.erasure_json(e)::text as body
  from postrider.erasures e, jsonb_to_record(:#${exchangeProperty.request}::jsonb) as r ("workspaceId" uuid)
 where e.workspace_id = r."workspaceId"
