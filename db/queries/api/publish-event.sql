-- POST /v1/events: the event and its deliveries, in one transaction.
select postrider.publish_event(r."eventType", r.payload, r."eventKey") as event_id
  from jsonb_to_record(:#${exchangeProperty.request}::jsonb) as r ("eventType" text, payload jsonb, "eventKey" text)
