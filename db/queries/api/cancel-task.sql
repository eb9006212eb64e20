-- DELETE /v1/tasks/{taskId}: how the task stood when it was found; one that waits and one that runs can be cancelled.
with asked as materialized (
    select "taskId", postrider.id_time("taskId") as made, postrider.cancel_found("taskId") as found
      from jsonb_to_record(:#${exchangeProperty.request}::jsonb) as r ("taskId" uuid)
)
select coalesce(a.found, t.status) as was, a.found is not null as cancelled
  from asked a
  left join postrider.tasks t on a.found is null and t.task_id = (select "taskId" from asked) and t.kind = 'task'
       and (t.completed_at is null or t.completed_at >= (select made from asked))
 where a.found is not null or t.task_id is not null
