-- PATCH /v1/replays/{replayId}: pauses or resumes it.
select postrider.change_replay("replayId", status, reason)::text as body
  from jsonb_to_record(:#${exchangeProperty.request}::jsonb) as r ("replayId" uuid, status text, reason text)
