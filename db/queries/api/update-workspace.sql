-- PATCH /v1/workspaces/{workspaceId}: its status, its share, or both.
select (case when r.status is null
             then (select jsonb_build_object('workspaceId', w.workspace_id, 'name', w.name, 'status', w.workspace_status)
                     from postrider.workspaces w where w.workspace_id = r."workspaceId")
             else postrider.change_workspace(r."workspaceId", r.status, r.reason) end
        || case when share is null then postrider.workspace_share(r."workspaceId")
                else postrider.change_workspace_share(r."workspaceId", share, r.reason) end)::text as body
  from set_config('app.actor', :#${exchangeProperty.actor}, true)
     , jsonb_to_record(:#${exchangeProperty.request}::jsonb) as r ("workspaceId" uuid, status text, reason text)
     , (select jsonb_object_agg(key, value) as share from jsonb_each(:#${exchangeProperty.request}::jsonb)
         where key in ('weight', 'maxRunning', 'ratePerSecond')) given
