-- GET /v1/events: always a range of time, so that partitions are pruned; the primary key, newest first.
with r as (
    select type, "limit"
         , coalesce("limit", 50) + 1 as size
         , coalesce("from", coalesce("to", now()) - interval '7 days') as since
         , coalesce("to", now() + interval '1 second') as until
         -- An event's id is made in its transaction, later than the moment at which that began.
         , postrider.id_floor(coalesce("from", coalesce("to", now()) - interval '7 days')) as first_id
         , coalesce(cursor, postrider.id_floor(coalesce("to", now()) + interval '2 days')) as end_id
      from jsonb_to_record(:#${exchangeProperty.request}::jsonb) as r (
           type text, "from" timestamptz, "to" timestamptz, "limit" int, cursor uuid)
), page as (
    select s.event_id
         , jsonb_build_object('eventId', s.event_id, 'eventType', s.event_type, 'payload', s.payload,
               'occurredAt', postrider.utc(s.occurred_at)) as item
      from postrider.system_events s
     where s.category = 'event'
       and s.occurred_at >= (select since from r) and s.occurred_at < (select until from r)
       and s.event_id >= (select first_id from r) and s.event_id < (select end_id from r)
       and ((select type from r) is null or s.event_type = (select type from r))
     order by s.event_id desc
     limit (select size from r)
)
select postrider.page(array_agg(item order by event_id desc), array_agg(event_id order by event_id desc), (select "limit" from r)) as body
  from page
