-- A page of the workspace's assets, newest first: 50, from behind the asset given, or from the newest if none is.
-- The index workspace_assets_page holds all that is read, in this order. The position is a sub-select, since coalesce
-- beside a policy is kept out of the index, and would read every page before this one again.
select asset_id, name, media_type, inserted_at
  from postrider.workspace_assets
 where deleted_at is null
   and (inserted_at, asset_id) < (
       select coalesce(:#${exchangeProperty.afterInsertedAt}::timestamptz, 'infinity')
            , coalesce(:#${exchangeProperty.afterAssetId}::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff'))
 order by inserted_at desc, asset_id desc
 limit 50
