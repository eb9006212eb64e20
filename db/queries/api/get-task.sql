-- GET /v1/tasks/{taskId}: the primary keys of the three tables; a task cannot have ended before its id was made.
with r as (
    select "taskId", postrider.id_time("taskId") as made
      from jsonb_to_record(:#${exchangeProperty.request}::jsonb) as r ("taskId" uuid)
)
select postrider.task_json(t)::text as body
  from postrider.tasks t
 where t.task_id = (select "taskId" from r) and t.kind = 'task'
   and (t.completed_at is null or t.completed_at >= (select made from r))
