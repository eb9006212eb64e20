-- What a mail needs of the workspace's assets: attachments by id or name, templates by name; one row for each that is wanted, with
-- no name if there is no such asset, and no content if that is too large. Each is found by the primary key or by workspace_assets_name;
-- the ids are made before, since a policy lets no condition with a cast use an index. Sizes are read without the content.
with wanted as materialized (
    select 'attachment' as part, a.wanted, a.position, case when pg_input_is_valid(a.wanted, 'uuid') then a.wanted::uuid end as asset_id
      from jsonb_array_elements_text(:#${exchangeProperty.mailWanted}::jsonb -> 'attachments') with ordinality as a (wanted, position)
    union all
    select 'template', t.wanted, t.position, null
      from jsonb_array_elements_text(:#${exchangeProperty.mailWanted}::jsonb -> 'templates') with ordinality as t (wanted, position)
), found as materialized (
    select w.part, w.wanted, w.position, a.name, a.media_type, a.content
         , sum(octet_length(a.content)) filter (where w.part = 'attachment') over () as together
      from wanted w
      left join lateral (
           select name, media_type, content from postrider.workspace_assets
            where asset_id = w.asset_id and deleted_at is null
           union all
           select name, media_type, content from postrider.workspace_assets
            where name = w.wanted and deleted_at is null
            limit 1) a on true
)
select part, wanted, name, media_type, together
     , case part when 'template' then case when octet_length(content) <= 1048576 then content end
                 else case when together <= (:#${exchangeProperty.mailWanted}::jsonb ->> 'attachmentBytes')::bigint then content end
        end as content
  from found
 order by part, position
