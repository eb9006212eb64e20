-- DELETE /v1/schedules/{scheduleId}: the primary key; the tasks of its ticks stay.
delete from postrider.schedules s
 using jsonb_to_record(:#${exchangeProperty.request}::jsonb) as r ("scheduleId" uuid)
 where s.schedule_id = r."scheduleId"
returning s.schedule_id
