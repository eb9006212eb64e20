-- POST /v1/dead-letters/{deadLetterId}/replay
select jsonb_build_object('taskId', postrider.replay_dead_letter(r."deadLetterId", r.reason))::text as body
  from jsonb_to_record(:#${exchangeProperty.request}::jsonb) as r ("deadLetterId" uuid, reason text)
