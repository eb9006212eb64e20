-- Enqueues a task in the workspace of the transaction: kamelet:task-sink.
select postrider.enqueue_task(
           :#${exchangeProperty.sinkTaskType}
         , :#${exchangeProperty.sinkPayload}::jsonb
         , now() + :#${exchangeProperty.sinkDelay}::bigint * interval '1 ms'
         , :#${exchangeProperty.sinkPriorityRank}::int
         , nullif(:#${exchangeProperty.sinkUniqueKey}, '')
         , nullif(:#${exchangeProperty.sinkOrderingKey}, '')
         , nullif(:#${exchangeProperty.sinkLimitKey}, '')
       ) as task_id
