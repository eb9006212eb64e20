-- GET /v1/tasks: a range of time is a range of ids, so the primary keys serve, newest first.
with r as (
    select *, coalesce("to", now() + interval '1 second') as until
      from jsonb_to_record(:#${exchangeProperty.request}::jsonb) as r (
           status text, "taskType" text, "from" timestamptz, "to" timestamptz, "limit" int, cursor uuid)
), page as (
    select t.task_id, postrider.task_json(t) as item
      from r, postrider.tasks t
     where t.workspace_id = (select postrider.active_workspace()) and t.kind = 'task'
       and t.task_id >= postrider.id_floor(coalesce(r."from", r.until - interval '7 days'))
       and t.task_id < coalesce(r.cursor, postrider.id_floor(r.until))
       and (t.completed_at is null or t.completed_at >= coalesce(r."from", r.until - interval '7 days'))
       and (r.status is null or t.status = r.status)
       and (r."taskType" is null or t.task_type = r."taskType")
     order by t.task_id desc
     limit (select coalesce("limit", 50) + 1 from r)
)
select postrider.page(array_agg(item order by task_id desc), array_agg(task_id order by task_id desc), (select "limit" from r)) as body
  from page
