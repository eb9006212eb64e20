-- Pages of the event log: what the team published, and the audit trail.
-- Migrations run with row_security off, so that a forgotten backfill fails; a function's body is only rewritten here.
set local row_security = on;

-- The range is known when the query is planned, so that only its partitions are, and read; the primary key serves, newest first.
-- An event's id is made in its transaction, later than the moment at which that began.
create or replace function postrider.list_events(category text, request jsonb) returns text
    language plpgsql stable set search_path = postrider, pg_temp set plan_cache_mode = force_custom_plan as $$
#variable_conflict use_variable
declare
    size constant int := coalesce((request ->> 'limit')::int, 50);
    until constant timestamptz := coalesce((request ->> 'to')::timestamptz, now() + interval '1 second');
    since constant timestamptz := coalesce((request ->> 'from')::timestamptz, until - interval '7 days');
    first_id constant uuid := id_floor(since);
    end_id constant uuid := coalesce((request ->> 'cursor')::uuid, id_floor(until + interval '2 days'));
    wanted constant text := request ->> 'type';
    answer text;
begin
    select page(array_agg(item order by id desc), array_agg(id order by id desc), size) into answer
      from (select e.event_id as id,
                   case category
                       when 'event' then jsonb_build_object('eventId', e.event_id, 'eventType', e.event_type,
                           'payload', e.payload, 'occurredAt', utc(e.occurred_at))
                       else jsonb_build_object('eventId', e.event_id, 'type', e.event_type, 'actor', e.actor,
                           'occurredAt', utc(e.occurred_at), 'payload', e.payload) end as item
              from system_events e
             where e.category = category and e.occurred_at >= since and e.occurred_at < until
               and e.event_id >= first_id and e.event_id < end_id and (wanted is null or e.event_type = wanted)
             order by e.event_id desc
             limit size + 1) events;
    return answer;
end $$;
comment on function postrider.list_events is 'A page of the published events (event) or of the audit trail (audit) of the active workspace, as the API answers it.';
revoke execute on function postrider.list_events from public;
grant execute on function postrider.list_events to postrider_tenant;
