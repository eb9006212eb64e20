-- GET /v1/tasks/{taskId}: the primary keys of the three tables; a task cannot have ended before its id was made.
select postrider.task_json(t)::text as body
  from postrider.tasks t, jsonb_to_record(:#${exchangeProperty.request}::jsonb) as r ("taskId" uuid)
 where t.workspace_id = (select postrider.active_workspace()) and t.task_id = r."taskId" and t.kind = 'task'
   and (t.completed_at is null or t.completed_at >= postrider.id_time(r."taskId"))
