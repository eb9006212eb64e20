-- POST /v1/tasks
select jsonb_build_object('taskId', postrider.enqueue_task(
           r."taskType", r.payload, r."scheduledAt", r."priorityRank", r."uniqueKey", r."orderingKey", r."limitKey", r.after))::text as body
  from jsonb_to_record(:#${exchangeProperty.request}::jsonb) as r (
       "taskType" text, payload jsonb, "scheduledAt" timestamptz, "priorityRank" int, "uniqueKey" text, "orderingKey" text,
       "limitKey" text, after uuid[])
