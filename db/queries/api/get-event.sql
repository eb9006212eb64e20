-- GET /v1/events/{eventId}: the primary key; an event occurs when its transaction begins, just before its id is made.
select jsonb_build_object('eventId', s.event_id, 'eventType', s.event_type, 'payload', s.payload,
           'occurredAt', postrider.utc(s.occurred_at),
           'deliveries', (select coalesce(jsonb_agg(postrider.delivery_json(d) order by d.delivery_id), '[]')
                            from postrider.deliveries d
                           where d.event_id = s.event_id))::text as body
  from postrider.system_events s, jsonb_to_record(:#${exchangeProperty.request}::jsonb) as r ("eventId" uuid)
 where s.event_id = r."eventId" and s.category = 'event'
   and s.occurred_at between postrider.id_time(r."eventId") - interval '2 days'
                         and postrider.id_time(r."eventId") + interval '1 minute'
