-- POST /v1/sources: its secrets arrive sealed, its key is made before.
insert into postrider.webhook_sources as s (workspace_id, provider, source_key, secrets, secret_count, task_type, enabled)
select postrider.active_workspace(), r.provider, :#${exchangeProperty.sourceKey}, :#${exchangeProperty.sealedSecrets}
     , :#${exchangeProperty.secretCount}::smallint
     , r."taskType", coalesce(r.enabled, true)
  from jsonb_to_record(:#${exchangeProperty.request}::jsonb) as r (provider text, "taskType" text, enabled boolean)
returning postrider.source_json(s, :#${exchangeProperty.publicUrl})::text as body
