-- The export of a workspace's own events into its assets: what the task type events-export does, one part at a time.
-- Migrations run with row_security off, so that a forgotten backfill fails; a function's body is only rewritten here.
set local row_security = on;

create or replace function postrider.checked_export(wanted jsonb) returns text
    language plpgsql stable set search_path = postrider, pg_temp set timezone = 'UTC' as $$
declare
    field text;
begin
    if jsonb_typeof(wanted) is distinct from 'object' then
        return 'the payload is no object: give "from" and "to"';
    end if;
    foreach field in array array ['from', 'to'] loop
        if wanted ->> field is null then
            return format('%s is missing: an export is that of a range of time, "from" and "to"', field);
        elsif not pg_input_is_valid(wanted ->> field, 'timestamptz') or not isfinite((wanted ->> field)::timestamptz) then
            return format('%s is no time: write it as 2026-01-31T00:00:00Z', field);
        end if;
    end loop;
    if (wanted ->> 'to')::timestamptz <= (wanted ->> 'from')::timestamptz then
        return 'to is not later than from';
    elsif (wanted ->> 'to')::timestamptz > now() then
        return 'to is in the future: what has not happened yet cannot be exported';
    elsif coalesce(wanted ->> 'category', 'both') not in ('event', 'audit', 'both') then
        return 'category is "event", "audit", or "both", the default';
    end if;
    return null;
end $$;
comment on function postrider.checked_export is 'What is wrong with the payload of an events-export, in words; null: nothing.';

-- A part is written together with the manifest, which says how far the export has come: a repetition of the task goes on
-- behind the last part, and two at once take turns. The primary key serves, in the order of the ids, in the partitions of
-- the range: an event's id is made in its transaction, later than the moment at which that began.
create or replace function postrider.export_events(task_id uuid, wanted jsonb)
    returns table (done boolean, percent int, parts int, events bigint) language plpgsql
    set search_path = postrider, pg_temp set timezone = 'UTC' set plan_cache_mode = force_custom_plan as $$
#variable_conflict use_column
declare
    most_events constant int := 10000;
    most_bytes constant int := 8 * 1024 * 1024;
    since constant timestamptz := wanted ->> 'from';
    until constant timestamptz := wanted ->> 'to';
    sought constant text := nullif(wanted ->> 'category', 'both');
    prefix constant text := format('events-export-%s-', task_id);
    manifest jsonb;
    last_id uuid;
    event record;
    lines text[] := '{}';
    first_event uuid;
    size int := 0;
    more boolean := false;
    part_name text;
    content bytea;
begin
    perform pg_advisory_xact_lock(hashtextextended('postrider.export_events ' || task_id, 0));
    select convert_from(a.content, 'UTF8')::jsonb into manifest
      from workspace_assets a where name = prefix || 'manifest.json' and deleted_at is null;
    if manifest is null then
        manifest := jsonb_build_object('taskId', task_id, 'from', utc(since), 'to', utc(until), 'category', coalesce(sought, 'both'),
                                       'complete', false, 'events', 0, 'bytes', 0, 'parts', '[]'::jsonb);
    end if;
    done := (manifest ->> 'complete')::boolean;
    percent := 100;
    if not done then
        last_id := manifest #>> '{parts,-1,lastEventId}';
        for event in
            select e.event_id, e.occurred_at,
                   jsonb_build_object('eventId', e.event_id, 'occurredAt', utc(e.occurred_at), 'category', e.category,
                                      'type', e.event_type, 'actor', e.actor, 'payload', e.payload)::text as line
              from system_events e
             where e.occurred_at >= since and e.occurred_at < until
               and e.event_id >= id_floor(since - interval '1 minute') and e.event_id < id_floor(until + interval '2 days')
               and (last_id is null or e.event_id > last_id) and (sought is null or e.category = sought)
             order by e.event_id
        loop
            more := cardinality(lines) = most_events
                    or cardinality(lines) > 0 and size + octet_length(event.line) + 1 > most_bytes;
            exit when more;
            lines := lines || event.line;
            size := size + octet_length(event.line) + 1;
            first_event := coalesce(first_event, event.event_id);
            last_id := event.event_id;
            percent := least(99, 100 * extract(epoch from event.occurred_at - since) / extract(epoch from until - since));
        end loop;
        if cardinality(lines) > 0 then
            part_name := prefix || lpad((jsonb_array_length(manifest -> 'parts') + 1)::text, 4, '0') || '.ndjson';
            content := convert_to(array_to_string(lines, E'\n') || E'\n', 'UTF8');
            perform write_export(part_name, 'application/x-ndjson', content);
            manifest := manifest || jsonb_build_object(
                'events', (manifest ->> 'events')::bigint + cardinality(lines),
                'bytes', (manifest ->> 'bytes')::bigint + octet_length(content),
                'parts', manifest -> 'parts' || jsonb_build_object(
                    'name', part_name, 'events', cardinality(lines), 'bytes', octet_length(content),
                    'sha256', encode(sha256(content), 'hex'), 'firstEventId', first_event, 'lastEventId', last_id));
        end if;
        done := not more;
        manifest := manifest || jsonb_build_object('complete', done);
        perform write_export(prefix || 'manifest.json', 'application/json', convert_to(manifest::text, 'UTF8'));
    end if;
    percent := case when done then 100 else percent end;
    parts := jsonb_array_length(manifest -> 'parts');
    events := manifest ->> 'events';
    return next;
end $$;
comment on function postrider.export_events is 'Writes the next part of an export of the workspace''s events into its assets, at most 10000 events or 8 MiB, and says whether it was the last.';

create or replace function postrider.write_export(name text, media_type text, content bytea) returns void
    language sql set search_path = postrider, pg_temp
begin atomic
    insert into postrider.workspace_assets (workspace_id, name, media_type, content)
    values (postrider.required_workspace(), write_export.name, write_export.media_type, write_export.content)
    on conflict (workspace_id, name) where deleted_at is null
    do update set content = excluded.content, media_type = excluded.media_type, inserted_at = now();
end;
comment on function postrider.write_export is 'Writes a file of an export; the same name again replaces it.';

revoke execute on function postrider.checked_export, postrider.export_events, postrider.write_export from public;
grant execute on function postrider.checked_export, postrider.export_events, postrider.write_export to postrider_tenant;
