-- GET /v1/dead-letters: the primary key, newest first.
with r as (
    select *, coalesce("to", now() + interval '1 second') as until
      from jsonb_to_record(:#${exchangeProperty.request}::jsonb) as r (
           kind text, "taskType" text, "from" timestamptz, "to" timestamptz, "limit" int, cursor uuid)
), page as (
    select d.dead_letter_id
         , jsonb_build_object('deadLetterId', d.dead_letter_id, 'kind', d.kind, 'taskId', d.task_id, 'taskType', d.task_type,
               'attempts', d.attempt_count, 'failures', d.failure_count, 'reason', d.reason, 'lastError', d.last_error,
               'createdAt', postrider.utc(d.created_at), 'deadAt', postrider.utc(d.dead_at)) as item
      from r, postrider.dead_letters d
     where d.workspace_id = (select postrider.active_workspace())
       and d.dead_letter_id >= postrider.id_floor(coalesce(r."from", r.until - interval '7 days'))
       and d.dead_letter_id < coalesce(r.cursor, postrider.id_floor(r.until))
       and (r.kind is null or d.kind = r.kind)
       and (r."taskType" is null or d.task_type = r."taskType")
     order by d.dead_letter_id desc
     limit (select coalesce("limit", 50) + 1 from r)
)
select postrider.page(array_agg(item order by dead_letter_id desc), array_agg(dead_letter_id order by dead_letter_id desc), (select "limit" from r)) as body
  from page
