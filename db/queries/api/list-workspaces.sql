-- GET /v1/workspaces: the primary key, descending.
with r as (
    select * from jsonb_to_record(:#${exchangeProperty.request}::jsonb) as r ("limit" int, cursor uuid)
), page as (
    select w.workspace_id
         , jsonb_build_object('workspaceId', w.workspace_id, 'name', w.name, 'createdAt', postrider.utc(w.created_at)) as item
         , row_number() over (order by w.workspace_id desc) as n
      from r, postrider.workspaces w
     where r.cursor is null or w.workspace_id < r.cursor
     order by w.workspace_id desc
     limit (select coalesce("limit", 50) + 1 from r)
)
select jsonb_build_object(
           'items', coalesce(jsonb_agg(item order by n) filter (where n <= (select coalesce("limit", 50) from r)), '[]')
         , 'nextCursor', min(workspace_id::text) filter (where n = (select coalesce("limit", 50) from r)
                             and exists (select from page where n > (select coalesce("limit", 50) from r)))
       )::text as body
  from page
