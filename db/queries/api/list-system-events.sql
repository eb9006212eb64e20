-- GET /v1/system-events: always a range of time, so that partitions are pruned; the primary key, newest first.
with r as (
    select *, coalesce("to", now() + interval '1 second') as until
      from jsonb_to_record(:#${exchangeProperty.request}::jsonb) as r (
           type text, "from" timestamptz, "to" timestamptz, "limit" int, cursor uuid)
), page as (
    select e.event_id
         , jsonb_build_object('eventId', e.event_id, 'type', e.event_type, 'actor', e.actor,
               'occurredAt', postrider.utc(e.occurred_at), 'payload', e.payload) as item
      from r, postrider.system_events e
     where e.workspace_id = (select postrider.active_workspace()) and e.category = 'audit'
       and e.occurred_at >= coalesce(r."from", r.until - interval '7 days') and e.occurred_at < r.until
       and e.event_id < coalesce(r.cursor, postrider.id_floor(r.until))
       and (r.type is null or e.event_type = r.type)
     order by e.event_id desc
     limit (select coalesce("limit", 50) + 1 from r)
)
select postrider.page(array_agg(item order by event_id desc), array_agg(event_id order by event_id desc), (select "limit" from r)) as body
  from page
