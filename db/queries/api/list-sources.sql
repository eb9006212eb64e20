-- GET /v1/sources: the primary key, newest first; whenever they were made, unless a range of time is given.
with r as (
    select provider, "limit"
         , coalesce("limit", 50) + 1 as size
         , coalesce("from", '-infinity') as since
         , coalesce("to", 'infinity') as until
         , coalesce(cursor, 'ffffffff-ffff-ffff-ffff-ffffffffffff') as end_id
      from jsonb_to_record(:#${exchangeProperty.request}::jsonb) as r (
           provider text, "from" timestamptz, "to" timestamptz, "limit" int, cursor uuid)
), page as (
    select s.source_id, postrider.source_json(s, :#${exchangeProperty.publicUrl}) as item
      from postrider.webhook_sources s
     where s.created_at >= (select since from r) and s.created_at < (select until from r)
       and s.source_id < (select end_id from r)
       and ((select provider from r) is null or s.provider = (select provider from r))
     order by s.source_id desc
     limit (select size from r)
)
select postrider.page(array_agg(item order by source_id desc), array_agg(source_id order by source_id desc), (select "limit" from r)) as body
  from page
