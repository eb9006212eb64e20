-- How many tasks and deliveries completed and died in each workspace, per day (UTC) of the last seven. For analysts: it reads the
-- newest partitions of task_history as a whole, which no index would save, and so belongs on a replica.
select w.workspace_id, w.name, ended.day, count(*) filter (where not ended.dead) as completed,
       count(*) filter (where ended.dead) as dead
  from (select workspace_id, (completed_at at time zone 'UTC')::date as day, false as dead
          from postrider.task_history
         where task_status = 'completed' and completed_at > now() - interval '7 days'
        union all
        select workspace_id, (dead_at at time zone 'UTC')::date, true
          from postrider.dead_letters
         where dead_at > now() - interval '7 days') ended
  join postrider.workspaces w using (workspace_id)
 group by w.workspace_id, w.name, ended.day
 order by ended.day, w.name, w.workspace_id
