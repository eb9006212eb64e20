-- GET /v1/assets: what was written last comes first, from the index workspace_assets_page alone; the primary key finds where
-- the page before ended, and how large the files of this one are.
with r as (
    select prefix, cursor, "limit"
         , coalesce("limit", 50) + 1 as size
      from jsonb_to_record(:#${exchangeProperty.request}::jsonb) as r (prefix text, "limit" int, cursor uuid)
), page as (
    select a.asset_id, a.name, a.media_type, a.inserted_at
      from postrider.workspace_assets a
     where a.deleted_at is null
       and (a.inserted_at, a.asset_id) < (
           select case when r.cursor is null then 'infinity'
                       else (select b.inserted_at from postrider.workspace_assets b where b.asset_id = r.cursor) end
                , coalesce(r.cursor, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
             from r)
       and ((select prefix from r) is null or starts_with(a.name, (select prefix from r)))
     order by a.inserted_at desc, a.asset_id desc
     limit (select size from r)
), sized as (
    select p.asset_id, p.inserted_at
         , jsonb_build_object('assetId', p.asset_id, 'name', p.name, 'mediaType', p.media_type, 'writtenAt', postrider.utc(p.inserted_at),
               'size', (select octet_length(c.content) from postrider.workspace_assets c where c.asset_id = p.asset_id)) as item
      from page p
)
select postrider.page(array_agg(item order by inserted_at desc, asset_id desc)
                    , array_agg(asset_id order by inserted_at desc, asset_id desc), (select "limit" from r)) as body
  from sized
