-- The newest replays of all workspaces; there are few, and no index serves. The nil UUID stands for all workspaces.
select (jsonb_build_object('workspaceId', r.workspace_id, 'actor', r.actor, 'lastError', r.last_error)
        || postrider.replay_json(r))::text
  from postrider.replays r
 order by r.replay_id desc
 limit 200
