-- What waits and runs per task type, whoever declared it, and whether it is paused: the whole table, for one look at a time.
select coalesce(t.task_type, c.task_type) as task_type
     , count(*) filter (where task_status = 'queued') as waiting
     , count(*) filter (where held_by is not null) as held_back
     , count(*) filter (where task_status = 'processing') as running
     , coalesce(extract(epoch from now() - min(scheduled_at) filter (where task_status = 'queued' and scheduled_at <= now())), 0)::bigint as oldest
     , case when c.paused_until = 'infinity' then 'paused'
            when c.paused_until > now() then 'paused until ' || postrider.utc(c.paused_until)
            when c.published_at is null then 'no node has a handler' else '' end as remark
  from postrider.background_tasks t full join postrider.task_types c using (task_type)
 group by 1, c.task_type
 order by 2 desc, 1
 limit 1000
