-- GET /v1/replays/{replayId}: the primary key.
select postrider.replay_json(p)::text as body
  from postrider.replays p, jsonb_to_record(:#${exchangeProperty.request}::jsonb) as r ("replayId" uuid)
 where p.replay_id = r."replayId"
