-- GET /v1/replays: the primary key, newest first.
with r as (
    select status, "limit"
         , coalesce("limit", 50) + 1 as size
         , postrider.id_floor(coalesce("from", coalesce("to", now()) - interval '7 days')) as first_id
         , coalesce(cursor, postrider.id_floor(coalesce("to", now() + interval '1 second'))) as end_id
      from jsonb_to_record(:#${exchangeProperty.request}::jsonb) as r (
           status text, "from" timestamptz, "to" timestamptz, "limit" int, cursor uuid)
), page as (
    select p.replay_id, postrider.replay_json(p) as item
      from postrider.replays p
     where p.replay_id >= (select first_id from r) and p.replay_id < (select end_id from r)
       and ((select status from r) is null or p.replay_status = (select status from r))
     order by p.replay_id desc
     limit (select size from r)
)
select postrider.page(array_agg(item order by replay_id desc), array_agg(replay_id order by replay_id desc), (select "limit" from r)) as body
  from page
