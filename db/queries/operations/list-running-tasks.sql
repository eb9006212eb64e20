-- Tasks that run, longest first: the whole table, for one look at a time.
select task_id, workspace_id, task_type, worker_id, postrider.utc(claimed_at) as claimed, attempt_count
     , concat_ws(' ', progress || ' %', progress_text) as progress
  from postrider.background_tasks
 where task_status = 'processing'
 order by claimed_at
 limit ?
