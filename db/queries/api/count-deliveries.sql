-- The answer of POST /v1/events; a statement of its own, because it sees what publish_event has written.
select jsonb_build_object('eventId', :#${exchangeProperty.eventId}::uuid, 'deliveries', count(*))::text as body
  from postrider.deliveries
 where event_id = :#${exchangeProperty.eventId}::uuid
