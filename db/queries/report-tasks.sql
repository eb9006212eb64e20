-- How many tasks of each type ended how, per day: as CSV, of the last days that the payload asks for (7 by default).
with counted as (
    select completed_at::date as day, task_type, task_status, count(*) as tasks
      from postrider.task_history
     where completed_at >= (
           select now() - make_interval(days => coalesce((:#${bean:json?method=write(${body})}::jsonb ->> 'days')::int, 7)))
     group by 1, 2, 3
)
select 'day,task_type,status,tasks' || coalesce(
           string_agg(E'\n' || day || ',' || task_type || ',' || task_status || ',' || tasks, '' order by day, task_type, task_status), '') as csv
  from counted
