-- GET /v1/endpoints: the primary key, newest first; whenever they were made, unless a range of time is given.
with r as (
    select "limit"
         , coalesce("limit", 50) + 1 as size
         , coalesce("from", '-infinity') as since
         , coalesce("to", 'infinity') as until
         , coalesce(cursor, 'ffffffff-ffff-ffff-ffff-ffffffffffff') as end_id
      from jsonb_to_record(:#${exchangeProperty.request}::jsonb) as r (
           "from" timestamptz, "to" timestamptz, "limit" int, cursor uuid)
), page as (
    select e.endpoint_id, postrider.endpoint_json(e) as item
      from postrider.webhook_endpoints e
     where e.deleted_at is null
       and e.created_at >= (select since from r) and e.created_at < (select until from r)
       and e.endpoint_id < (select end_id from r)
     order by e.endpoint_id desc
     limit (select size from r)
)
select postrider.page(array_agg(item order by endpoint_id desc), array_agg(endpoint_id order by endpoint_id desc), (select "limit" from r)) as body
  from page
