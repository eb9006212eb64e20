-- GET /v1/limits: the primary key; the limit of the whole workspace, whose key is empty, is the operators',
-- and those of endpoints are theirs.
with r as (
    select coalesce("limit", 50) as size, coalesce(cursor, '') as after_key
      from jsonb_to_record(:#${exchangeProperty.request}::jsonb) as r ("limit" int, cursor text)
), page as (
    select l.limit_key, postrider.limit_json(l) as item, row_number() over (order by l.limit_key) as n
      from postrider.task_limits l
     where l.limit_key > (select after_key from r) and (l.max_running is not null or l.rate_per_second is not null)
       and not starts_with(l.limit_key, 'endpoint:')
     order by l.limit_key
     limit (select size + 1 from r)
)
select jsonb_build_object(
           'items', coalesce(jsonb_agg(item order by n) filter (where n <= size), '[]'),
           'nextCursor', case when count(*) > min(size) then max(limit_key) filter (where n = size) end)::text as body
  from page right join r on true
