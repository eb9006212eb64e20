-- POST /v1/workspaces/{workspaceId}/keys: only the key's hash comes here; the key itself joins the answer afterwards.
select jsonb_build_object(
           'keyId', postrider.create_api_key(r."workspaceId", :#${exchangeProperty.newKeyHash}, r.scopes))::text as body
  from set_config('app.actor', :#${exchangeProperty.actor}, true)
     , jsonb_to_record(:#${exchangeProperty.request}::jsonb) as r ("workspaceId" uuid, scopes text[])
