-- GET /v1/events: always a range of time, so that partitions are pruned; the primary key, newest first.
select postrider.list_events('event', :#${exchangeProperty.request}::jsonb) as body
