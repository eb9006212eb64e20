-- GET /v1/endpoints: the primary key, newest first; whenever they were made, unless a range of time is given.
with r as (
    select *
      from jsonb_to_record(:#${exchangeProperty.request}::jsonb) as r (
           "from" timestamptz, "to" timestamptz, "limit" int, cursor uuid)
), page as (
    select e.endpoint_id, postrider.endpoint_json(e) as item
      from r, postrider.webhook_endpoints e
     where e.workspace_id = (select postrider.active_workspace()) and e.deleted_at is null
       and (r."from" is null or e.created_at >= r."from")
       and (r."to" is null or e.created_at < r."to")
       and (r.cursor is null or e.endpoint_id < r.cursor)
     order by e.endpoint_id desc
     limit (select coalesce("limit", 50) + 1 from r)
)
select postrider.page(array_agg(item order by endpoint_id desc), array_agg(endpoint_id order by endpoint_id desc), (select "limit" from r)) as body
  from page
