-- POST /v1/workspaces/{workspaceId}/keys
select jsonb_build_object(
           'keyId', postrider.create_api_key(r."workspaceId", :#${exchangeProperty.newKeyHash}, r.scopes)
         , 'apiKey', :#${exchangeProperty.newKey}::text)::text as body
  from jsonb_to_record(:#${exchangeProperty.request}::jsonb) as r ("workspaceId" uuid, scopes text[])
