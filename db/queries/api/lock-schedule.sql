-- A schedule that is about to be changed, and the database's time: the primary key. Until then it does not tick.
select s.cron, s.every, s.time_zone, s.enabled, s.next_tick_at, now() as now
  from postrider.schedules s, jsonb_to_record(:#${exchangeProperty.request}::jsonb) as r ("scheduleId" uuid)
 where s.schedule_id = r."scheduleId"
   for no key update of s
