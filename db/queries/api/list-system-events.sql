-- GET /v1/system-events: always a range of time, so that partitions are pruned; the primary key, newest first.
select postrider.list_events('audit', :#${exchangeProperty.request}::jsonb) as body
