-- PUT /v1/limits/{limitKey}
select jsonb_build_object('limitKey', r."limitKey", 'maxRunning', r."maxRunning", 'ratePerSecond', r."ratePerSecond")::text as body
  from jsonb_to_record(:#${exchangeProperty.request}::jsonb) as r (
       "limitKey" text, "maxRunning" int, "ratePerSecond" double precision)
 cross join lateral postrider.set_task_limit(r."limitKey", r."maxRunning", r."ratePerSecond") written
