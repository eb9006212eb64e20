-- GET /v1/dead-letters: the primary key, newest first.
with r as (
    select kind, "taskType", "errorContains", "endpointId", "limit"
         , coalesce("limit", 50) + 1 as size
         , postrider.id_floor(coalesce("from", coalesce("to", now()) - interval '7 days')) as first_id
         , coalesce(cursor, postrider.id_floor(coalesce("to", now() + interval '1 second'))) as end_id
      from jsonb_to_record(:#${exchangeProperty.request}::jsonb) as r (
           kind text, "taskType" text, "errorContains" text, "endpointId" text, "from" timestamptz, "to" timestamptz, "limit" int, cursor uuid)
), page as (
    select d.dead_letter_id
         , postrider.dead_letter_json(d) as item
      from postrider.dead_letters d
     where d.dead_letter_id >= (select first_id from r) and d.dead_letter_id < (select end_id from r)
       and ((select kind from r) is null or d.kind = (select kind from r))
       and ((select "taskType" from r) is null or d.task_type = (select "taskType" from r))
       and ((select "errorContains" from r) is null or strpos(d.last_error, (select "errorContains" from r)) > 0)
       and ((select "endpointId" from r) is null
            or d.kind = 'delivery' and d.payload ->> 'endpointId' = (select lower("endpointId") from r))
     order by d.dead_letter_id desc
     limit (select size from r)
)
select postrider.page(array_agg(item order by dead_letter_id desc), array_agg(dead_letter_id order by dead_letter_id desc), (select "limit" from r)) as body
  from page
