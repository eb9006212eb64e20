-- GET /v1/workspaces: the primary key, descending.
with r as (
    select * from jsonb_to_record(:#${exchangeProperty.request}::jsonb) as r ("limit" int, cursor uuid)
), page as (
    select w.workspace_id
         , jsonb_build_object('workspaceId', w.workspace_id, 'name', w.name, 'status', w.workspace_status, 'createdAt', postrider.utc(w.created_at))
           || postrider.workspace_share(w.workspace_id) as item
      from r, postrider.workspaces w
     where r.cursor is null or w.workspace_id < r.cursor
     order by w.workspace_id desc
     limit (select coalesce("limit", 50) + 1 from r)
)
select postrider.page(array_agg(item order by workspace_id desc), array_agg(workspace_id order by workspace_id desc), (select "limit" from r)) as body
  from page
