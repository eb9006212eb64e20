-- GET /v1/events: a range of time is a range of ids, so the primary key serves, newest first.
with r as (
    select *, coalesce("to", now() + interval '1 second') as until
      from jsonb_to_record(:#${exchangeProperty.request}::jsonb) as r (
           type text, "from" timestamptz, "to" timestamptz, "limit" int, cursor uuid)
), page as (
    select s.event_id
         , jsonb_build_object('eventId', s.event_id, 'eventType', s.event_type, 'payload', s.payload,
               'occurredAt', postrider.utc(s.occurred_at)) as item
      from r, postrider.system_events s
     where s.workspace_id = (select postrider.active_workspace()) and s.category = 'event'
       and s.occurred_at >= coalesce(r."from", r.until - interval '7 days')
       and s.occurred_at < r.until
       and s.event_id < coalesce(r.cursor, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
       and (r.type is null or s.event_type = r.type)
     order by s.event_id desc
     limit (select coalesce("limit", 50) + 1 from r)
)
select postrider.page(array_agg(item order by event_id desc), array_agg(event_id order by event_id desc), (select "limit" from r)) as body
  from page
