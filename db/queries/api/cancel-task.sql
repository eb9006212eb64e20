-- DELETE /v1/tasks/{taskId}: what the task was before, and whether it was there to be cancelled.
select t.status as was, postrider.cancel_task(r."taskId") as cancelled
  from jsonb_to_record(:#${exchangeProperty.request}::jsonb) as r ("taskId" uuid), postrider.tasks t
 where t.workspace_id = (select postrider.active_workspace()) and t.task_id = r."taskId" and t.kind = 'task'
   and (t.completed_at is null or t.completed_at >= postrider.id_time(r."taskId"))
