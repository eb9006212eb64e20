-- POST /v1/workspaces
select jsonb_build_object('workspaceId', postrider.create_workspace(r.name, r."workspaceId"))::text as body
  from jsonb_to_record(:#${exchangeProperty.request}::jsonb) as r (name text, "workspaceId" uuid)
