-- POST /v1/workspaces
select jsonb_build_object('workspaceId', postrider.create_workspace(r.name, r."workspaceId"))::text as body
  from set_config('app.actor', :#${exchangeProperty.actor}, true)
     , jsonb_to_record(:#${exchangeProperty.request}::jsonb) as r (name text, "workspaceId" uuid)
