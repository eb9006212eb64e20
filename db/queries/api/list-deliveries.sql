-- GET /v1/deliveries: by endpoint or event an index serves, else the primary key; newest first.
with r as (
    select *, coalesce("to", now() + interval '1 second') as until
      from jsonb_to_record(:#${exchangeProperty.request}::jsonb) as r (
           "endpointId" uuid, "eventId" uuid, status text, "from" timestamptz, "to" timestamptz, "limit" int, cursor uuid)
), page as (
    select d.delivery_id, item
      from r
      join postrider.deliveries d on d.workspace_id = (select postrider.active_workspace())
       and d.delivery_id >= postrider.id_floor(coalesce(r."from", r.until - interval '7 days'))
       and d.delivery_id < coalesce(r.cursor, postrider.id_floor(r.until))
       and (r."endpointId" is null or d.endpoint_id = r."endpointId")
       and (r."eventId" is null or d.event_id = r."eventId")
       -- Before the state of every delivery is put together: these are few.
       and (r.status is distinct from 'dead' or exists (
            select from postrider.dead_letters l where l.workspace_id = d.workspace_id and l.task_id = d.delivery_id))
       and (r.status is null or r.status not in ('queued', 'processing') or exists (
            select from postrider.background_tasks b where b.workspace_id = d.workspace_id and b.task_id = d.delivery_id))
     cross join lateral postrider.delivery_json(d) as item
     where r.status is null or item ->> 'status' = r.status
     order by d.delivery_id desc
     limit (select coalesce("limit", 50) + 1 from r)
)
select postrider.page(array_agg(item order by delivery_id desc), array_agg(delivery_id order by delivery_id desc), (select "limit" from r)) as body
  from page
