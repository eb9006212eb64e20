-- POST /v1/tasks/batch
select jsonb_build_object('taskIds', to_jsonb(postrider.enqueue_tasks(r.items)))::text as body
  from jsonb_to_record(:#${exchangeProperty.request}::jsonb) as r (items jsonb)
