-- GET /v1/dead-letters/{deadLetterId}: with every attempt, but not on which of our nodes it ran.
select jsonb_build_object('deadLetterId', d.dead_letter_id, 'kind', d.kind, 'taskId', d.task_id, 'taskType', d.task_type,
           'attempts', d.attempt_count, 'failures', d.failure_count, 'reason', d.reason, 'lastError', d.last_error,
           'createdAt', postrider.utc(d.created_at), 'deadAt', postrider.utc(d.dead_at), 'payload', d.payload,
           'failedAttempts', (select coalesce(jsonb_agg(attempt - 'worker' order by n), '[]')
                                from jsonb_array_elements(d.attempts) with ordinality as a (attempt, n)))::text as body
  from postrider.dead_letters d, jsonb_to_record(:#${exchangeProperty.request}::jsonb) as r ("deadLetterId" uuid)
 where d.dead_letter_id = r."deadLetterId"
