-- GET /v1/schedules: the primary key, newest first; whenever they were made, unless a range of time is given.
with r as (
    select "limit"
         , coalesce("limit", 50) + 1 as size
         , coalesce("from", '-infinity') as since
         , coalesce("to", 'infinity') as until
         , coalesce(cursor, 'ffffffff-ffff-ffff-ffff-ffffffffffff') as end_id
      from jsonb_to_record(:#${exchangeProperty.request}::jsonb) as r (
           "from" timestamptz, "to" timestamptz, "limit" int, cursor uuid)
), page as (
    select s.schedule_id, postrider.schedule_json(s) as item
      from postrider.schedules s
     where s.created_at >= (select since from r) and s.created_at < (select until from r)
       and s.schedule_id < (select end_id from r)
     order by s.schedule_id desc
     limit (select size from r)
)
select postrider.page(array_agg(item order by schedule_id desc), array_agg(schedule_id order by schedule_id desc), (select "limit" from r)) as body
  from page
