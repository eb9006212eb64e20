-- GET /v1/schedules/{scheduleId}: the primary key.
select postrider.schedule_json(s)::text as body
  from postrider.schedules s, jsonb_to_record(:#${exchangeProperty.request}::jsonb) as r ("scheduleId" uuid)
 where s.schedule_id = r."scheduleId"
