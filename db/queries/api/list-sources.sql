-- GET /v1/sources: the primary key, newest first; whenever they were made, unless a range of time is given.
with r as (
    select *, coalesce("to", now() + interval '1 second') as until
      from jsonb_to_record(:#${exchangeProperty.request}::jsonb) as r (
           provider text, "from" timestamptz, "to" timestamptz, "limit" int, cursor uuid)
), page as (
    select s.source_id, postrider.source_json(s, :#${exchangeProperty.publicUrl}) as item
      from r, postrider.webhook_sources s
     where s.workspace_id = (select postrider.active_workspace())
       and (r."from" is null or s.created_at >= r."from")
       and s.created_at < r.until
       and (r.cursor is null or s.source_id < r.cursor)
       and (r.provider is null or s.provider = r.provider)
     order by s.source_id desc
     limit (select coalesce("limit", 50) + 1 from r)
)
select postrider.page(array_agg(item order by source_id desc), array_agg(source_id order by source_id desc), (select "limit" from r)) as body
  from page
