-- The limits of a workspace, its own (without a key) first: the primary key.
select limit_key, coalesce(max_running::text, 'any number') as max_running, coalesce(rate_per_second::text, 'any number') as rate
     , case when paused_until = 'infinity' then 'paused' when paused_until > now() then 'paused until ' || postrider.utc(paused_until) else '' end as paused
     , (select count(*) from postrider.background_tasks t
         where t.workspace_id = l.workspace_id and counted and l.limit_key in ('', t.limit_key)) as running
  from postrider.task_limits l
 where workspace_id = ?
   and (max_running is not null or rate_per_second is not null or paused_until > now())
 order by limit_key
 limit 1000
