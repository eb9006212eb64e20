-- DELETE /v1/workspaces/{workspaceId}/keys/{keyId}: a row when there was such a key.
select '{}' as body
  from set_config('app.actor', :#${exchangeProperty.actor}, true)
     , jsonb_to_record(:#${exchangeProperty.request}::jsonb) as r ("workspaceId" uuid, "keyId" uuid)
 where postrider.revoke_api_key(r."workspaceId", r."keyId")
