-- POST /v1/schedules: checked, and with its first tick.
insert into postrider.schedules as s (workspace_id, task_type, payload, cron, every, time_zone, missed, enabled, next_tick_at)
select postrider.active_workspace(), r."taskType", coalesce(r.payload, '{}'), r.cron, r.every, r."timeZone"
     , coalesce(r.missed, 'once'), r.enabled, r."nextTickAt"
  from jsonb_to_record(:#${exchangeProperty.request}::jsonb || :#${exchangeProperty.timing}::jsonb) as r (
       "taskType" text, payload jsonb, cron text, every bigint, "timeZone" text, missed text, enabled boolean,
       "nextTickAt" timestamptz)
returning postrider.schedule_json(s)::text as body
