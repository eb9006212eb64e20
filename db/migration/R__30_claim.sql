-- What nodes call to get work. These functions see all workspaces, so they belong to the engine role; the dispatcher
-- may execute them and read nothing.
set local role postrider_engine;
-- Migrations run with row_security off, so that a forgotten backfill fails; a function's body is only rewritten here.
set local row_security = on;

create or replace function postrider.available_tokens(l postrider.task_limits) returns double precision
    language sql stable set search_path = postrider, pg_temp
return case when l.rate_per_second is not null
            then least(greatest(1, l.rate_per_second),
                       l.tokens + l.rate_per_second * extract(epoch from clock_timestamp() - l.refilled_at)) end;
comment on function postrider.available_tokens is 'How many tasks a rate allows to begin now: a bucket that holds one second''s worth, and at least one; null without a rate.';

create or replace function postrider.release_held(workspace uuid, key text, most bigint) returns int
    language plpgsql security definer set search_path = postrider, pg_temp set enable_seqscan = off as $$
declare
    places tid[];
begin
    if key = '' then
        places := array (select ctid from background_tasks where held_by = 'workspace' and workspace_id = workspace
                          order by priority_rank desc, scheduled_at limit most for no key update skip locked);
    else
        places := array (select ctid from background_tasks
                          where held_by = 'limit' and workspace_id = workspace and limit_key = key
                          order by priority_rank desc, scheduled_at limit most for no key update skip locked);
    end if;
    update background_tasks set held_by = null, ready = true where ctid = any (places);
    return cardinality(places);
end $$;
comment on function postrider.release_held is 'Makes up to so many tasks ready that a limit holds back; returns how many. Definer: called by the engine''s functions only.';

create or replace function postrider.resume_limited() returns void
    language plpgsql security definer set search_path = postrider, pg_temp as $$
declare
    due task_limits;
    most bigint;
    released int;
begin
    for due in select * from task_limits where resume_at <= clock_timestamp()
                order by resume_at limit 100 for update skip locked loop
        -- What more than these may run is released when one of them ends.
        most := least(1000, case when due.max_running is not null then greatest(1, due.max_running) end,
                      case when due.rate_per_second is not null then greatest(1, floor(available_tokens(due))) end);
        released := release_held(due.workspace_id, due.limit_key, most);
        update task_limits
           set resume_at = case when released = most and (max_running is null or rate_per_second is not null)
                                then clock_timestamp() + coalesce(1 / rate_per_second, 0) * interval '1 second' end
         where workspace_id = due.workspace_id and limit_key = due.limit_key;
    end loop;
end $$;
comment on function postrider.resume_limited is 'Makes ready what limits have held back by their rate or a pause, as much of it as may begin now. Definer: called by claim_tasks only.';

-- Of the next tasks of one type and workspace: those that their keys let run. The others are held back, out of the way
-- of claims: those behind the head of their ordering_key until it has ended, those over a limit until one of its tasks
-- has ended or its time has come.
-- Nothing here waits for a lock, so that ending a task may wait for a claim. What is locked is left for the next claim:
-- a limit that another claim counts now, and what follows a head that is ending now.
drop function if exists postrider.pass_limits(text, uuid, int);
create or replace function postrider.pass_limits(type text, workspace uuid, share int, since timestamptz) returns tid[]
    language plpgsql security definer set search_path = postrider, pg_temp as $$
declare
    places tid[];
    keys text[];
    orderings text[];
    seqs bigint[];
    known text[];
    limits task_limits[];
    passed tid[];
    over_limit tid[];
    over_workspace tid[];
    spent jsonb;
begin
    execute format($q$
        select array_agg(ctid), array_agg(limit_key), array_agg(ordering_key), array_agg(ordering_seq)
          from (select ctid, limit_key, ordering_key, ordering_seq from postrider.background_tasks
                 where ready and task_type = $1 and workspace_id = $2 and scheduled_at >= $3
                 order by priority_rank desc, scheduled_at limit %s for no key update skip locked) next$q$, share)
       into places, keys, orderings, seqs using type, workspace, since;

    -- The lock makes the head's end wait for this claim, and then find whom to release.
    update background_tasks set ready = false, held_by = 'ordering'
     where ctid = any (array (
           select place from unnest(places, orderings, seqs) as f (place, ordering, seq)
            cross join lateral (
                  select from background_tasks
                   where workspace_id = workspace and ordering_key = ordering and ordering_seq < seq
                   order by ordering_seq limit 1 for key share skip locked) head
            where ordering is not null));

    known := array (select limit_key from task_limits
                     where workspace_id = workspace and (limit_key = '' or limit_key = any (keys)));
    limits := array (select l from task_limits l
                      where workspace_id = workspace and limit_key = any (known) for update skip locked);
    -- Begun after the locks, this statement counts all that other claims have taken.
    with room as materialized (
        select limit_key,
               least(case when paused_until > clock_timestamp() then 0 end,
                     floor(available_tokens(l)),
                     max_running - case limit_key
                         when '' then (select count(*) from background_tasks t
                                        where counted and t.workspace_id = workspace)
                         else (select count(*) from background_tasks t
                                where counted and t.workspace_id = workspace and t.limit_key = l.limit_key) end) as free
          from unnest(limits) l
    ), heads as (
        select place, key, n
          from unnest(places, keys, orderings, seqs) with ordinality as f (place, key, ordering, seq, n)
         where (key is null or key <> all (known) or key in (select limit_key from room))
           and ('' <> all (known) or '' in (select limit_key from room))
           and (ordering is null or (
               select true from background_tasks head where head.workspace_id = workspace
                  and head.ordering_key = ordering and head.ordering_seq < seq
                order by ordering_seq limit 1) is null)
    ), within_limit as (
        select h.*, row_number() over (partition by key order by n) <= coalesce(free, share) as fits
          from heads h left join room on limit_key = key
    ), within_both as (
        select w.*, row_number() over (partition by fits order by n)
                    <= coalesce((select free from room where limit_key = ''), share) as fits_too
          from within_limit w
    )
    select array_agg(place) filter (where fits and fits_too), array_agg(place) filter (where not fits),
           array_agg(place) filter (where fits and not fits_too),
           (select jsonb_object_agg(limit_key, (select jsonb_build_array(
                       count(*) filter (where fits and fits_too),
                       count(*) filter (where not case limit_key when '' then fits_too or not fits else fits end))
                  from within_both where key = limit_key or limit_key = '')) from room)
      into passed, over_limit, over_workspace, spent from within_both;

    update background_tasks set ready = false, held_by = 'limit' where ctid = any (over_limit);
    update background_tasks set ready = false, held_by = 'workspace' where ctid = any (over_workspace);
    if '' = any (known) and cardinality(over_limit) > 0 then
        perform release_held(workspace, '', cardinality(over_limit)); -- who is turned away leaves a place to another
    end if;
    update task_limits l
       set tokens = coalesce(available_tokens(l) - passed_count, 0), refilled_at = clock_timestamp(),
           resume_at = case
               when held_count = 0 then resume_at
               when paused_until > clock_timestamp() then nullif(paused_until, 'infinity')
               when available_tokens(l) - passed_count < 1
                   then clock_timestamp() + (1 - available_tokens(l) + passed_count) / rate_per_second * interval '1 second'
               else resume_at end
      from (select key, (value ->> 0)::int as passed_count, (value ->> 1)::int as held_count from jsonb_each(spent)) s
     where workspace_id = workspace and limit_key = key and (rate_per_second is not null or paused_until is not null);
    return passed;
end $$;
comment on function postrider.pass_limits is 'The places of those next tasks of a type and workspace that limits and ordering keys let run; the others are held back. Definer: called by claim_tasks only.';

create or replace function postrider.next_workspaces(type text, start uuid, passing_by uuid[], since timestamptz)
    returns uuid[]
    language plpgsql stable set search_path = postrider, pg_temp as $$
begin
    return (
        with recursive forward as (
            (select workspace_id, 0 as n from background_tasks
              where ready and task_type = type and scheduled_at >= since and workspace_id > start
              order by workspace_id, priority_rank desc, scheduled_at limit 1)
            union all
            select (select workspace_id from background_tasks
                     where ready and task_type = type and scheduled_at >= since and workspace_id > f.workspace_id
                     order by workspace_id, priority_rank desc, scheduled_at limit 1), n + (f.workspace_id <> all (passing_by))::int
              from forward f where f.workspace_id is not null and n < 32
        ), around as (
            (select workspace_id, 0 as n from background_tasks
              where ready and task_type = type and scheduled_at >= since and workspace_id <= start
                and (select max(n) from forward) is distinct from 32
              order by workspace_id, priority_rank desc, scheduled_at limit 1)
            union all
            select (select workspace_id from background_tasks
                     where ready and task_type = type and scheduled_at >= since
                       and workspace_id > a.workspace_id and workspace_id <= start
                     order by workspace_id, priority_rank desc, scheduled_at limit 1), n + (a.workspace_id <> all (passing_by))::int
              from around a where a.workspace_id is not null and n < 32
        )
        select array_agg(workspace_id order by lap, workspace_id)
          from (select lap, workspace_id from (select 0 as lap, * from forward union all select 1, * from around) laps
                 where workspace_id is not null and workspace_id <> all (passing_by)
                 order by lap, workspace_id limit 32) both_laps);
end $$;
comment on function postrider.next_workspaces is 'The next up to 32 workspaces behind start, and around, that have ready tasks of a type, but for those to pass by; null if there are none.';

-- Fair: if a few tasks are all that is ready of a type, and there is room for them, they are taken. Else walk the index
-- background_tasks_ready from behind the workspace that this node served last, take up to 32 workspaces that have work,
-- and give each its share of the free slots, by weight; and walk on while half of the slots are free, up to four times.
-- Plans are made once, without knowing the limits and whatever the statistics say, so it has to be the index: a
-- sequential scan took 21.7 ms a claim instead of 1.8 at 50,000 rows, and planning anew half a millisecond. Each look at
-- tasks therefore asks for the order of the one index that shall serve it, and nothing may sort: where the statistics
-- knew one task a workspace, the primary key and a sort read all tasks of each workspace that was served. Whether there
-- is a row is asked with "limit 1": EXISTS became a hash of 100,000 rows.
-- A workspace that is closed (suspended, deleted, paused), or that has its share of the node's room already, costs the
-- walk a step and is not one of the 32.
-- "since" bounds every scan by due time: while a transaction is kept open the index keeps the entries of all tasks that were
-- claimed meanwhile, and a claim would step over them.
-- Tasks come in no order. Rows without one say where the walk ended (one per type), and, the last one, in how many
-- milliseconds the next claim is worth making (null: nothing is waiting for its time) and, as age and waited, how long the
-- claim took and what time it is.
drop function if exists postrider.claim_tasks(text, jsonb);
create function postrider.claim_tasks(node text, slots jsonb)
    returns table (task_id uuid, workspace_id uuid, task_type text, payload text, attempt_count int, failure_count int,
                   priority_rank int, age bigint, waited bigint, next_due bigint)
    language plpgsql security definer set search_path = postrider, pg_temp
    set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_bitmapscan = off
    set enable_sort = off as $$
#variable_conflict use_column
declare
    wanted record;
    turn record;
    closed constant uuid[] := array (
        select workspace_id from workspaces where workspace_status <> 'active'
        union all
        select workspace_id from task_limits where limit_key = '' and paused_until > clock_timestamp());
    few constant int := 16;
    passing_by uuid[];
    ring uuid[];
    start uuid;
    room int;
    places tid[];
    got int;
    all_fit boolean;
    again boolean := false;
begin
    -- Shared with rescue: a node that was declared dead gets nothing until it says again that it lives.
    perform from worker_nodes where node_id = claim_tasks.node for key share;
    if not found then
        return query select null::uuid, null::uuid, null::text, null::text, null::int, null::int, null::int,
                            null::bigint, null::bigint, 1000::bigint;
        return;
    end if;

    -- Mostly neither finds anything: to look first costs a tenth.
    if (select true from background_tasks
         where not ready and task_status = 'queued' and held_by is null and scheduled_at <= now()
         order by scheduled_at limit 1) then
        update background_tasks set ready = true
         where ctid = any (array (select ctid from background_tasks
                                   where not ready and task_status = 'queued' and held_by is null and scheduled_at <= now()
                                   order by scheduled_at limit 1000 for no key update skip locked));
    end if;
    if exists (select from task_limits where resume_at <= clock_timestamp()) then
        perform resume_limited();
    end if;

    for wanted in select key as type, (value ->> 'free')::int as free, (value ->> 'after')::uuid as after,
                         coalesce((value ->> 'since')::timestamptz, '-infinity') as since,
                         array (select jsonb_array_elements_text(value -> 'full')::uuid) as full_here
                    from jsonb_each(claim_tasks.slots)
                    left join task_types c on c.task_type = key
                   where (value ->> 'free')::int > 0 and coalesce(c.paused_until <= clock_timestamp(), true)
                     and (select true from background_tasks t
                           where ready and t.task_type = key
                             and scheduled_at >= coalesce((value ->> 'since')::timestamptz, '-infinity')
                           order by workspace_id, priority_rank desc, scheduled_at limit 1)
                   order by c.task_class, random() loop
        room := wanted.free;
        start := coalesce(wanted.after, gen_random_uuid());
        passing_by := closed || wanted.full_here;
        places := (
            select case when count(*) <= least(few, room) and not bool_or(special) then array_agg(place) end
              from (select ctid as place,
                           limit_key is not null or ordering_key is not null or workspace_id = any (passing_by)
                           or (select true from task_limits l where l.workspace_id = t.workspace_id and limit_key = ''
                                  and (max_running is not null or rate_per_second is not null)) is not null as special
                      from background_tasks t
                     where ready and task_type = wanted.type and scheduled_at >= wanted.since
                     order by t.workspace_id, priority_rank desc, scheduled_at limit few + 1) first);
        all_fit := places is not null;

        for walk in 1 .. 4 loop
            if not all_fit then
                ring := next_workspaces(wanted.type, start, passing_by, wanted.since);
                exit when ring is null;
                start := ring[cardinality(ring)];
            end if;

            for turn in
                select null::uuid[] as workspaces, null::int as share, false as limited where all_fit
                union all
                (with shares as (
                    select place, r.workspace,
                           ceil(wanted.free * coalesce(weight, 1)::numeric / sum(coalesce(weight, 1)) over ())::int as share,
                           (select true from background_tasks t
                             where ready and (limit_key is not null or ordering_key is not null)
                               and t.task_type = wanted.type and t.workspace_id = r.workspace
                               and scheduled_at >= wanted.since order by scheduled_at limit 1) is not null
                           or (select true from task_limits l where l.workspace_id = r.workspace and limit_key = ''
                                  and (max_running is not null or rate_per_second is not null)) is not null as limited
                      from unnest(ring) with ordinality as r (workspace, place)
                      left join workspaces w on w.workspace_id = r.workspace
                     where not all_fit
                )
                select array_agg(workspace order by place) as workspaces, share, limited from shares
                 group by share, limited, case when limited then place end order by min(place))
            loop
                exit when room <= 0;
                if all_fit then
                    places := array (select ctid from background_tasks where ctid = any (places) and ready
                                        for no key update skip locked);
                elsif turn.limited then
                    places := pass_limits(wanted.type, turn.workspaces[1], least(turn.share, room), wanted.since);
                    again := true;
                else
                    places := array (
                        select due.ctid from unnest(turn.workspaces) as turns (workspace)
                         cross join lateral (
                               select ctid from background_tasks
                                where ready and task_type = wanted.type and workspace_id = workspace
                                  and scheduled_at >= wanted.since
                                  and limit_key is null and ordering_key is null -- came since we looked
                                order by priority_rank desc, scheduled_at limit turn.share for no key update skip locked) due
                         limit room);
                end if;
                return query
                update background_tasks
                   set task_status = 'processing', ready = false, worker_id = claim_tasks.node,
                       attempt_count = attempt_count + 1, claimed_at = clock_timestamp(), counted = turn.limited
                 where ctid = any (places)
                returning task_id, workspace_id, task_type, payload::text, attempt_count, failure_count, priority_rank,
                          floor(extract(epoch from claimed_at - coalesce(replayed_at, created_at)) * 1000)::bigint,
                          floor(extract(epoch from claimed_at - scheduled_at) * 1000000)::bigint, null::bigint;
                get diagnostics got = row_count;
                room := room - got;
            end loop;
            exit when all_fit or cardinality(ring) < 32 or room * 2 <= wanted.free;
        end loop;
        continue when all_fit;
        return query select null::uuid, start, wanted.type, null::text, null::int, null::int,
                            null::int, null::bigint, null::bigint, null::bigint;
    end loop;

    return query select null::uuid, null::uuid, null::text, null::text, null::int, null::int, null::int,
        (extract(epoch from clock_timestamp() - statement_timestamp()) * 1000)::bigint,
        (extract(epoch from clock_timestamp()) * 1000000)::bigint,
        least((select least(60000, greatest(20, ceil(extract(epoch from scheduled_at - clock_timestamp()) * 1000)))::bigint
                 from background_tasks where not ready and task_status = 'queued' and held_by is null
                order by scheduled_at limit 1),
              (select least(60000, greatest(20, ceil(extract(epoch from resume_at - clock_timestamp()) * 1000)))::bigint
                 from task_limits where resume_at is not null order by resume_at limit 1),
              case when again then 20 end);
end $$;
comment on function postrider.claim_tasks is
    'Claims tasks for a node: slots says of each type how many more it can take, which workspace it served last, which have their share of its room, and since when what it looks at is due, as {"type": {"free": n, "after": uuid, "full": [uuid], "since": time}}; age is milliseconds from accepted to claimed, waited microseconds from due to claimed. Definer: nodes serve all workspaces, and the dispatcher may read no table.';

revoke execute on function postrider.claim_tasks, postrider.next_workspaces, postrider.pass_limits, postrider.resume_limited,
    postrider.release_held, postrider.available_tokens from public;
grant execute on function postrider.claim_tasks to postrider_dispatcher;
set local role postrider_owner;
