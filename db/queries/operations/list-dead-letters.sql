-- The newest dead letters of all workspaces: the index on dead_at.
select dead_letter_id, workspace_id, kind, task_type, failure_count, postrider.utc(dead_at) as dead_at, last_error
  from postrider.dead_letters
 order by dead_at desc
 limit ?
