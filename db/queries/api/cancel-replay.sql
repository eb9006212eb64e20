-- DELETE /v1/replays/{replayId}
select postrider.change_replay("replayId", 'cancelled')::text as body
  from jsonb_to_record(:#${exchangeProperty.request}::jsonb) as r ("replayId" uuid)
