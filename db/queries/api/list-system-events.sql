-- GET /v1/system-events: always a range of time, so that partitions are pruned; the primary key, newest first.
with r as (
    select type, "limit"
         , coalesce("limit", 50) + 1 as size
         , coalesce("from", coalesce("to", now()) - interval '7 days') as since
         , coalesce("to", now() + interval '1 second') as until
         , coalesce(cursor, postrider.id_floor(coalesce("to", now() + interval '1 second'))) as end_id
      from jsonb_to_record(:#${exchangeProperty.request}::jsonb) as r (
           type text, "from" timestamptz, "to" timestamptz, "limit" int, cursor uuid)
), page as (
    select e.event_id
         , jsonb_build_object('eventId', e.event_id, 'type', e.event_type, 'actor', e.actor,
               'occurredAt', postrider.utc(e.occurred_at), 'payload', e.payload) as item
      from postrider.system_events e
     where e.category = 'audit'
       and e.occurred_at >= (select since from r) and e.occurred_at < (select until from r)
       and e.event_id < (select end_id from r)
       and ((select type from r) is null or e.event_type = (select type from r))
     order by e.event_id desc
     limit (select size from r)
)
select postrider.page(array_agg(item order by event_id desc), array_agg(event_id order by event_id desc), (select "limit" from r)) as body
  from page
