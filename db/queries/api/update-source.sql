-- PATCH /v1/sources/{sourceId}: what is given is changed; null removes the task.
with given as (select :#${exchangeProperty.request}::jsonb as p)
update postrider.webhook_sources s
   set secrets = coalesce(:#${exchangeProperty.sealedSecrets}, s.secrets)
     , secret_count = coalesce(:#${exchangeProperty.secretCount}::smallint, s.secret_count)
     , task_type = case when jsonb_exists(p, 'taskType') then r."taskType" else s.task_type end
     , enabled = coalesce(r.enabled, s.enabled)
     , updated_at = now()
  from given, jsonb_to_record(p) as r ("sourceId" uuid, "taskType" text, enabled boolean)
 where s.source_id = r."sourceId"
returning postrider.source_json(s, :#${exchangeProperty.publicUrl})::text as body
