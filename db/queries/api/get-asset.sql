-- GET /v1/assets/{assetId}: the primary key; a media type that is none stays out of the answer's headers.
select a.content
     , a.name
     , case when a.media_type ~ '^[\w.+-]+/[\w.+-]+ *(;.*|)$' then a.media_type else 'application/octet-stream' end as media_type
  from postrider.workspace_assets a, jsonb_to_record(:#${exchangeProperty.request}::jsonb) as r ("assetId" uuid)
 where a.asset_id = r."assetId" and a.deleted_at is null
