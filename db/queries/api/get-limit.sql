-- GET /v1/limits/{limitKey}: the primary key. A row that limits nothing remains of a limit that was removed.
select postrider.limit_json(l)::text as body
  from postrider.task_limits l, jsonb_to_record(:#${exchangeProperty.request}::jsonb) as r ("limitKey" text)
 where l.limit_key = r."limitKey" and (l.max_running is not null or l.rate_per_second is not null)
   and not starts_with(l.limit_key, 'endpoint:')
