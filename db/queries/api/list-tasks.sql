-- GET /v1/tasks: a range of time is a range of ids, so each of the three tables gives its newest by its primary key, and
-- the page is merged from these. The workspace is named although the policies do, because they do it inside the view:
-- outside of it the planner would not know that the keys are in order.
with r as (
    select status, "taskType", "limit"
         , coalesce("limit", 50) + 1 as size
         , coalesce("from", coalesce("to", now()) - interval '7 days') as since
         , postrider.id_floor(coalesce("from", coalesce("to", now()) - interval '7 days')) as first_id
         , coalesce(cursor, postrider.id_floor(coalesce("to", now() + interval '1 second'))) as end_id
      from jsonb_to_record(:#${exchangeProperty.request}::jsonb) as r (
           status text, "taskType" text, "from" timestamptz, "to" timestamptz, "limit" int, cursor uuid)
), page as (
    (select t.task_id, postrider.task_json(t) as item from postrider.tasks t
      where t.place = 'waiting' and t.workspace_id = (select postrider.active_workspace()) and t.kind = 'task'
        and (select status is null or status in ('queued', 'processing') from r)
        and t.task_id >= (select first_id from r) and t.task_id < (select end_id from r)
        and ((select status from r) is null or t.status = (select status from r))
        and ((select "taskType" from r) is null or t.task_type = (select "taskType" from r))
      order by t.task_id desc limit (select size from r))
    union all
    (select t.task_id, postrider.task_json(t) from postrider.tasks t
      where t.place = 'dead' and t.workspace_id = (select postrider.active_workspace()) and t.kind = 'task'
        and t.task_id >= (select first_id from r) and t.task_id < (select end_id from r)
        and ((select status from r) is null or t.status = (select status from r))
        and ((select "taskType" from r) is null or t.task_type = (select "taskType" from r))
      order by t.task_id desc limit (select size from r))
    union all
    (select t.task_id, postrider.task_json(t) from postrider.tasks t
      where t.place = 'ended' and t.workspace_id = (select postrider.active_workspace()) and t.kind = 'task'
        and (select status is null or status in ('completed', 'cancelled', 'discarded') from r)
        and t.task_id >= (select first_id from r) and t.task_id < (select end_id from r)
        and t.completed_at >= (select since from r)
        and ((select status from r) is null or t.status = (select status from r))
        and ((select "taskType" from r) is null or t.task_type = (select "taskType" from r))
      order by t.task_id desc limit (select size from r))
    order by task_id desc limit (select size from r)
)
select postrider.page(array_agg(item order by task_id desc), array_agg(task_id order by task_id desc), (select "limit" from r)) as body
  from page
