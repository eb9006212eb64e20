-- How an endpoint that is slow or fails is slowed down: by a row of task_limits, which all nodes heed, and which holds its
-- deliveries back where no claim meets them. A healthy endpoint has no such row, and its deliveries no limit key, so that
-- they are claimed the fast way; what was published before there was one gets its key when it is claimed.
-- SECURITY DEFINER as the owner: handlers may not write these tables, and the owner is bound by the policy of the active
-- workspace like any tenant.
-- Migrations run with row_security off, so that a forgotten backfill fails; a function's body is only rewritten here.
set local row_security = on;

create or replace function postrider.endpoint_key(endpoint_id uuid) returns text language sql immutable parallel safe
return 'endpoint:' || endpoint_key.endpoint_id;
comment on function postrider.endpoint_key is 'The limit key of an endpoint''s deliveries.';

-- Also takes along up to 1,000 of the endpoint's deliveries that wait without a key, and has those that are on their way
-- count: each would come here by itself otherwise. Not those with an ordering key: only the first of each may take a place,
-- and who that is the claim sees. No more run at once from now on than concurrency says (0: as before), until the sweep
-- gives the endpoint a new chance; and none for pause milliseconds.
drop function if exists postrider.hold_delivery(uuid, uuid, int, uuid[]);
create or replace function postrider.hold_delivery(
    delivery_id uuid, endpoint_id uuid, concurrency int, in_flight uuid[], pause bigint default 0
) returns void language plpgsql security definer set search_path = postrider, pg_temp set enable_seqscan = off as $$
#variable_conflict use_column
declare
    workspace constant uuid := required_workspace();
    key constant text := endpoint_key(hold_delivery.endpoint_id);
    until constant timestamptz := case when hold_delivery.pause > 0 then clock_timestamp() + hold_delivery.pause * interval '1 ms' end;
begin
    insert into task_limits as l (workspace_id, limit_key, max_running, paused_until, resume_at)
    values (workspace, key, nullif(hold_delivery.concurrency, 0), until, until)
    on conflict (workspace_id, limit_key) do update
        set max_running = least(l.max_running, excluded.max_running),
            paused_until = greatest(l.paused_until, until),
            resume_at = case when until is null then l.resume_at else greatest(l.paused_until, until) end;
    update background_tasks set limit_key = key
     where workspace_id = workspace and task_id = hold_delivery.delivery_id and limit_key is null;
    update background_tasks set limit_key = key, counted = true
     where ctid = any (array (
           select held.ctid from unnest(hold_delivery.in_flight) task
            cross join lateral (select ctid from background_tasks
                                 where workspace_id = workspace and task_id = task and task_status = 'processing'
                                   and limit_key is null for no key update skip locked) held));
    update background_tasks set limit_key = key, ready = false, held_by = 'limit'
     where ctid = any (array (
           select ctid from (select ctid, payload from background_tasks
                              where ready and task_type = 'delivery' and workspace_id = workspace and limit_key is null
                                and ordering_key is null
                              order by priority_rank desc, scheduled_at limit 1000 for no key update skip locked) next
            where payload ->> 'endpointId' = hold_delivery.endpoint_id::text));
end $$;
comment on function postrider.hold_delivery is 'Puts a delivery that was claimed, and what waits for the same endpoint, under the endpoint''s limit; its attempt is then given back. Definer: handlers may not write tasks and limits; the owner is bound to the active workspace.';

-- pause: milliseconds that the endpoint asked for by Retry-After. Five failures in a row open the circuit for 30 s, each
-- failed probe for twice as long as before, up to ten minutes, with a tenth of chance.
create or replace function postrider.endpoint_failed(
    endpoint_id uuid, url text, error text, gone boolean, pause bigint, disable_after bigint
) returns text language plpgsql security definer set search_path = postrider, pg_temp as $$
#variable_conflict use_column
declare
    workspace constant uuid := required_workspace();
    key constant text := endpoint_key(endpoint_failed.endpoint_id);
    circuit endpoint_circuits;
    reason text;
    until timestamptz;
begin
    -- In the order in which a change of the endpoint locks them: the endpoint, its circuit, its limit.
    perform from webhook_endpoints e
      where e.workspace_id = workspace and e.endpoint_id = endpoint_failed.endpoint_id for no key update;
    if not found then
        return null;
    end if;
    insert into endpoint_circuits as c (workspace_id, endpoint_id, last_failure)
    values (workspace, endpoint_failed.endpoint_id, endpoint_failed.error)
    on conflict (workspace_id, endpoint_id) do update
        set failures = c.failures + 1, last_failed_at = clock_timestamp(), last_failure = excluded.last_failure
    returning * into circuit;

    reason := case when endpoint_failed.gone then 'answered 410: it wants no more deliveries'
                   when circuit.failing_since < clock_timestamp() - endpoint_failed.disable_after * interval '1 ms'
                       then format('nothing but failures since %s; the last: %s', utc(circuit.failing_since), endpoint_failed.error)
              end;
    if reason is not null then
        update webhook_endpoints e set enabled = false, disabled_reason = left(reason, 500), updated_at = now()
         where e.workspace_id = workspace and e.endpoint_id = endpoint_failed.endpoint_id and e.enabled
           and e.url = endpoint_failed.url; -- it may have been given another one meanwhile
        if found then
            perform publish_event('endpoint.disabled', jsonb_build_object(
                'endpointId', endpoint_failed.endpoint_id, 'url', endpoint_failed.url, 'reason', left(reason, 500),
                'failingSince', utc(circuit.failing_since)));
            return 'disabled';
        end if;
        return null;
    end if;

    if circuit.open_until > clock_timestamp() then
        return null; -- it was under way when the circuit opened
    end if;
    if circuit.failures >= 5 then
        until := clock_timestamp() + least(600, 30 * 2.0 ^ least(circuit.openings, 10)) * (0.9 + 0.2 * random()) * interval '1 second';
    end if;
    if endpoint_failed.pause > 0 then
        until := greatest(until, clock_timestamp() + least(endpoint_failed.pause, 3600000) * interval '1 ms');
    end if;
    if until is null then
        return null;
    end if;
    update endpoint_circuits c set open_until = until, openings = c.openings + (c.failures >= 5)::int
     where c.workspace_id = workspace and c.endpoint_id = endpoint_failed.endpoint_id;
    insert into task_limits (workspace_id, limit_key, max_running, paused_until, resume_at)
    values (workspace, key, 1, until, until)
    on conflict (workspace_id, limit_key) do update
        set max_running = 1, paused_until = excluded.paused_until, resume_at = excluded.resume_at;
    if circuit.failures >= 5 and circuit.openings = 0 then
        perform audit('endpoint.circuit-opened', jsonb_build_object('endpointId', endpoint_failed.endpoint_id,
            'until', utc(until), 'failures', circuit.failures, 'error', endpoint_failed.error));
    end if;
    return 'opened';
end $$;
comment on function postrider.endpoint_failed is 'Counts a failed attempt for its endpoint: opens its circuit, or disables it after 410, or after disable_after milliseconds of only failures, and publishes endpoint.disabled then. Says which: opened, disabled, or null. Definer: handlers may not write circuits and limits; the owner is bound to the active workspace.';

create or replace function postrider.release_endpoint(workspace uuid, endpoint_id uuid, concurrency int, rate double precision)
    returns void language plpgsql set search_path = postrider, pg_temp as $$
#variable_conflict use_column
begin
    update task_limits
       set max_running = release_endpoint.concurrency, rate_per_second = release_endpoint.rate, paused_until = null,
           resume_at = clock_timestamp()
     where workspace_id = workspace and limit_key = endpoint_key(release_endpoint.endpoint_id);
    if found then
        perform pg_notify('postrider_wake', '');
    end if;
end $$;
comment on function postrider.release_endpoint is 'Has the claim take again what was held back of an endpoint, within these limits. Called by the functions and triggers of endpoints.';

-- What has piled up is let go at the endpoint's pace: it may not stand it all at once. A later sweep removes the limit.
create or replace function postrider.endpoint_recovered(endpoint_id uuid, concurrency int) returns text
    language plpgsql security definer set search_path = postrider, pg_temp as $$
#variable_conflict use_column
declare
    workspace constant uuid := required_workspace();
    circuit endpoint_circuits;
begin
    delete from endpoint_circuits c
     where c.workspace_id = workspace and c.endpoint_id = endpoint_recovered.endpoint_id returning * into circuit;
    if circuit.open_until is null then
        return null;
    end if;
    perform release_endpoint(workspace, e.endpoint_id, coalesce(e.concurrency, endpoint_recovered.concurrency), e.rate_limit)
       from webhook_endpoints e
      where e.workspace_id = workspace and e.endpoint_id = endpoint_recovered.endpoint_id;
    if circuit.openings > 0 then
        perform audit('endpoint.circuit-closed', jsonb_build_object('endpointId', endpoint_recovered.endpoint_id,
            'failures', circuit.failures, 'failingSince', utc(circuit.failing_since)));
    end if;
    return 'closed';
end $$;
comment on function postrider.endpoint_recovered is 'An attempt succeeded: forgets the failures before it, and closes the circuit; says closed if it was open. Definer: handlers may not write circuits and limits; the owner is bound to the active workspace.';

create or replace function postrider.on_rules_changed() returns trigger
    language plpgsql security definer set search_path = postrider, pg_temp as $$
begin
    delete from endpoint_circuits where workspace_id = new.workspace_id and endpoint_id = new.endpoint_id;
    if new.enabled and (new.rate_limit is not null or new.concurrency is not null) then
        perform write_limit(new.workspace_id, endpoint_key(new.endpoint_id), new.concurrency, new.rate_limit);
    end if;
    if tg_op = 'UPDATE' then
        perform release_endpoint(new.workspace_id, new.endpoint_id,
                                 case when new.enabled then new.concurrency end, case when new.enabled then new.rate_limit end);
    end if;
    return null;
end $$;
comment on function postrider.on_rules_changed is 'Gives an endpoint the limits it asks for and a new chance; of one that is disabled or deleted nothing is held back any more, so that its deliveries can end. Definer: whoever changes an endpoint may not write circuits and limits.';
create or replace trigger on_endpoint_made after insert on postrider.webhook_endpoints
    for each row when (new.rate_limit is not null or new.concurrency is not null)
    execute function postrider.on_rules_changed();
create or replace trigger on_rules_changed after update on postrider.webhook_endpoints
    for each row when (old.url is distinct from new.url or old.enabled is distinct from new.enabled
        or old.rate_limit is distinct from new.rate_limit or old.concurrency is distinct from new.concurrency
        or old.deleted_at is distinct from new.deleted_at)
    execute function postrider.on_rules_changed();

-- Each event pays for it in its publisher's transaction, so nothing is taken that goes through the payload more than once for
-- each operator: comparing two lists is quadratic, a filter that looks at the whole payload again cubic with it, and a list
-- of subscripts or keyvalue() multiplies what is found each time it is written.
create or replace function postrider.checked_path(field text, path text) returns void
    language plpgsql immutable set search_path = postrider, pg_temp as $$
declare
    -- As PostgreSQL prints it, without comments and with all names in quotes; then without what is in quotes.
    plain text := regexp_replace(regexp_replace(regexp_replace(regexp_replace(
        path::jsonpath::text, '"([^"\\]|\\.)*"', '""', 'g'), '\.""', '.a', 'g'),
        '\[(-?\d+|last( - \d+)?)\]', '', 'g'),
        '\[(\d+|last( - \d+)?) to (\d+|last( - \d+)?)\]', '[*]', 'g');
    single constant boolean := plain ~ '^strict ' and plain !~ '\.\*|\[\*\]';
    part text[];
    wrong text;
begin
    wrong := case when plain ~ '\$""' then 'variables such as $limit have no values here; write the value'
                  when plain ~ 'like_regex|\*\*|\.keyvalue\(' then 'like_regex, ** and keyvalue() are not allowed, since each event would pay for them; compare, or use starts with'
                  when replace(plain, '[*]', '') ~ '\[' then 'in brackets can be one number, last, a range, or *' end;
    plain := regexp_replace(plain, '\.\w+\([^()]*\)', '', 'g');
    if wrong is null and not single and plain ~ '(\.a|[])*$@]) (==|!=|<=|>=|<|>) [-+]?[$@(]' then
        wrong := 'compare with a value; two paths can be compared in strict mode without wildcards, as in strict $.a > $.b';
    end if;
    while wrong is null and not single and plain ~ '\(' loop
        part := regexp_match(plain, '(\??)\(([^()]*)\)');
        if part[1] = '?' and part[2] ~ '\$' then
            wrong := 'inside of ?( ) only @ can be used, not $';
        end if;
        plain := regexp_replace(plain, '\??\([^()]*\)', case when part[1] = '?' then '' else part[2] end);
    end loop;
    if wrong is not null then
        raise sqlstate 'PR400' using column = field, message = format('%s: %s', field, wrong);
    end if;
end $$;
comment on function postrider.checked_path is 'Refuses (PR400) JSON paths that could fail, or take long, for each event that is published. Called when an endpoint is stored.';

-- Both are read when an endpoint is stored; a mistake is told then, and not when an event is published.
create or replace function postrider.checked_predicate(predicate text) returns text
    language plpgsql stable set search_path = postrider, pg_temp as $$
begin
    begin
        perform checked_path('filter', predicate), jsonb_path_match_tz('{}', predicate::jsonpath);
    exception when syntax_error or invalid_text_representation or singleton_sql_json_item_required then
        raise sqlstate 'PR400' using column = 'filter',
            message = format('filter is no JSON path predicate (%s); write it as $.amount > 100, or exists($.customer.email)', sqlerrm);
    when data_exception then
        null; -- it fails for the empty object only
    end;
    return predicate;
end $$;
comment on function postrider.checked_predicate is 'A JSON path predicate, if it is one; an error (PR400) otherwise.';

create or replace function postrider.checked_ordering(ordering text) returns text
    language plpgsql immutable set search_path = postrider, pg_temp as $$
begin
    if ordering <> 'endpoint' then
        if left(ordering, 1) <> '$' then
            raise sqlstate 'PR400' using column = 'ordering',
                message = 'ordering is "endpoint", or a JSON path to a value of the payload, such as $.customer.id';
        end if;
        perform checked_path('ordering', ordering);
    end if;
    return ordering;
exception when syntax_error or invalid_text_representation then
    raise sqlstate 'PR400' using column = 'ordering', message = format('ordering is no JSON path: %s', sqlerrm);
end $$;
comment on function postrider.checked_ordering is 'endpoint or a JSON path, if it is one; an error (PR400) otherwise.';

revoke execute on function postrider.endpoint_key, postrider.hold_delivery, postrider.endpoint_failed,
    postrider.release_endpoint, postrider.endpoint_recovered, postrider.on_rules_changed,
    postrider.checked_predicate, postrider.checked_ordering, postrider.checked_path from public;
grant execute on function postrider.hold_delivery, postrider.endpoint_failed, postrider.endpoint_recovered,
    postrider.checked_predicate, postrider.checked_ordering, postrider.checked_path to postrider_tenant;
grant execute on function postrider.endpoint_key to postrider_tenant, postrider_engine;

set local role postrider_engine;
-- A node asks for many at once: in a transaction of its workspace each one took four round trips to the database, and half of
-- the time that it had. Each is found by the workspace of its task.
drop function if exists postrider.load_deliveries(uuid[], uuid[]);
create or replace function postrider.load_deliveries(workspace_ids uuid[], delivery_ids uuid[])
    returns table (delivery_id uuid, workspace_status text, endpoint_id uuid, url text, headers text, timeout int,
                   redelivery_policy text, secret bytea, enabled boolean, disabled_reason text, deleted boolean,
                   concurrency int, failing boolean, held boolean, expired boolean, event_id uuid, body text, too_large boolean)
    language plpgsql stable security definer set search_path = postrider, pg_temp
    set plan_cache_mode = force_generic_plan set enable_seqscan = off as $$
#variable_conflict use_column
begin
    return query
    select found.*
      from unnest($1, $2) as f (workspace, delivery)
     cross join lateral (
           select d.delivery_id, w.workspace_status, e.endpoint_id, e.url, e.headers::text, e.timeout,
                  e.redelivery_policy::text, e.secret, e.enabled, e.disabled_reason, e.deleted_at is not null, e.concurrency,
                  c.endpoint_id is not null,
                  coalesce(c.open_until > clock_timestamp(), false)
                  or t.limit_key is null and (c.open_until is not null or e.rate_limit is not null or e.concurrency is not null),
                  coalesce(t.limit_key is not null
                           and clock_timestamp() - coalesce(t.replayed_at, t.created_at)
                               > (e.redelivery_policy ->> 'maximumRedeliveryWindow')::numeric * interval '1 ms', false),
                  d.event_id, case when octet_length(b.body) < 1100000 then b.body end,
                  coalesce(octet_length(b.body) >= 1100000, false)
             from deliveries d
             join workspaces w on w.workspace_id = d.workspace_id
             join webhook_endpoints e on e.workspace_id = d.workspace_id and e.endpoint_id = d.endpoint_id
             left join endpoint_circuits c on c.workspace_id = d.workspace_id and c.endpoint_id = d.endpoint_id
             left join background_tasks t
               on t.workspace_id = d.workspace_id and t.task_id = d.delivery_id
              and (c.open_until is not null or e.rate_limit is not null or e.concurrency is not null
                   or jsonb_exists(e.redelivery_policy, 'maximumRedeliveryWindow'))
             left join system_events s
               on s.workspace_id = d.workspace_id and s.event_id = d.event_id and s.occurred_at = d.occurred_at
             left join lateral (
                  select json_build_object('type', s.event_type, 'timestamp', utc(s.occurred_at), 'data', s.payload)::text as body
                   where s.event_id is not null offset 0) b on true
            where d.workspace_id = f.workspace and d.delivery_id = f.delivery
            limit 1) found;
end $$;
comment on function postrider.load_deliveries is 'What deliveries of any workspaces need: their endpoints and how these fare, and their events as the bodies that are signed, the same at every attempt. Held: the circuit is open, or this delivery has no limit key, and so was not counted, although the circuit is probed or the endpoint has limits of its own. Expired: its redelivery window passed while it was held back. Too large: the payload is from a time in which one of more than 1 MiB was taken. Definer: nodes deliver for all workspaces, and the dispatcher may read no table.';

drop function if exists postrider.sweep_endpoint_limits();
create or replace function postrider.sweep_endpoint_limits(concurrency int default 16) returns int
    language plpgsql security definer set search_path = postrider, pg_temp as $$
#variable_conflict use_column
declare
    swept int;
begin
    delete from task_limits l
     using webhook_endpoints e
     where starts_with(l.limit_key, 'endpoint:') and coalesce(l.paused_until <= now(), true) and l.resume_at is null
       and e.workspace_id = l.workspace_id and endpoint_key(e.endpoint_id) = l.limit_key
       and (e.rate_limit is null and e.concurrency is null or not e.enabled)
       and not exists (select from endpoint_circuits c
                        where c.workspace_id = e.workspace_id and c.endpoint_id = e.endpoint_id and open_until is not null)
       and not exists (select from background_tasks t
                        where t.workspace_id = l.workspace_id and t.limit_key = l.limit_key and held_by = 'limit')
       and not exists (select from background_tasks t
                        where t.workspace_id = l.workspace_id and t.limit_key = l.limit_key and counted);
    get diagnostics swept = row_count;
    update task_limits l
       set max_running = coalesce(e.concurrency, sweep_endpoint_limits.concurrency), resume_at = clock_timestamp()
      from webhook_endpoints e
     where starts_with(l.limit_key, 'endpoint:') and coalesce(l.paused_until <= now(), true)
       and e.workspace_id = l.workspace_id and endpoint_key(e.endpoint_id) = l.limit_key and e.enabled
       and l.max_running < coalesce(e.concurrency, sweep_endpoint_limits.concurrency)
       and not exists (select from endpoint_circuits c
                        where c.workspace_id = e.workspace_id and c.endpoint_id = e.endpoint_id and open_until is not null);
    if found then
        perform pg_notify('postrider_wake', '');
    end if;
    return swept;
end $$;
comment on function postrider.sweep_endpoint_limits is 'Removes the limits of endpoints that have caught up, and returns how many; where a node had fewer places for one it may try again, with as many as it asks for, or concurrency. Definer: looks at all workspaces.';
revoke execute on function postrider.sweep_endpoint_limits, postrider.load_deliveries from public;
grant execute on function postrider.sweep_endpoint_limits, postrider.load_deliveries to postrider_dispatcher;
set local role postrider_owner;
