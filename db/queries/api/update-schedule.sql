-- PATCH /v1/schedules/{scheduleId}: what is given is changed. A global tick that is being handed out ends with its time.
update postrider.schedules s
   set task_type = coalesce(r."taskType", s.task_type)
     , payload = coalesce(r.payload, s.payload)
     , cron = r.cron
     , every = r.every
     , time_zone = r."timeZone"
     , missed = coalesce(r.missed, s.missed)
     , enabled = r.enabled
     , next_tick_at = r."nextTickAt"
     , ticked_to = case when r."nextTickAt" = s.next_tick_at then s.ticked_to end
     , updated_at = now()
  from jsonb_to_record(:#${exchangeProperty.request}::jsonb || :#${exchangeProperty.timing}::jsonb) as r (
       "scheduleId" uuid, "taskType" text, payload jsonb, cron text, every bigint, "timeZone" text, missed text,
       enabled boolean, "nextTickAt" timestamptz)
 where s.schedule_id = r."scheduleId"
returning postrider.schedule_json(s)::text as body
