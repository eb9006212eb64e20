-- GET /v1/deliveries: the primary key, newest first, whatever the filters.
with r as (
    select "endpointId", "eventId", status, "limit"
         , coalesce("limit", 50) + 1 as size
         , postrider.id_floor(coalesce("from", coalesce("to", now()) - interval '7 days')) as first_id
         , coalesce(cursor, postrider.id_floor(coalesce("to", now() + interval '1 second'))) as end_id
      from jsonb_to_record(:#${exchangeProperty.request}::jsonb) as r (
           "endpointId" uuid, "eventId" uuid, status text, "from" timestamptz, "to" timestamptz, "limit" int, cursor uuid)
), page as (
    select d.delivery_id, item
      from postrider.deliveries d
     cross join lateral postrider.delivery_json(d) as item
     where d.delivery_id >= (select first_id from r) and d.delivery_id < (select end_id from r)
       and ((select "endpointId" from r) is null or d.endpoint_id = (select "endpointId" from r))
       and ((select "eventId" from r) is null or d.event_id = (select "eventId" from r))
       -- Before the state of every delivery is put together: these are few.
       and ((select status from r) is distinct from 'dead' or exists (
            select from postrider.dead_letters l where l.task_id = d.delivery_id))
       and ((select status is null or status not in ('queued', 'processing') from r) or exists (
            select from postrider.background_tasks b where b.task_id = d.delivery_id))
       and ((select status from r) is null or item ->> 'status' = (select status from r))
     order by d.delivery_id desc
     limit (select size from r)
)
select postrider.page(array_agg(item order by delivery_id desc), array_agg(delivery_id order by delivery_id desc), (select "limit" from r)) as body
  from page
