-- The law of conservation: accepted = completed + dead-lettered + discarded + cancelled + waiting + running. What was
-- counted once is not read again, unless somebody has changed it (docs/decisions/books.md).
-- Migrations run with row_security off, so that a forgotten backfill fails; a function's body is only rewritten here.
set local row_security = on;

-- The indexes accepted_log_time and task_history_time serve, and only the partitions of that time are read, because the
-- statement is planned for these values; without the settings a plan for any time reads the whole history.
create or replace function postrider.booked(since timestamptz, until timestamptz)
    returns table (workspace_id uuid, kind text, day date, accepted bigint, completed bigint, discarded bigint, cancelled bigint)
    language plpgsql stable set search_path = postrider, pg_temp
    set plan_cache_mode = force_custom_plan set enable_seqscan = off set jit = off as $$
#variable_conflict use_column
begin
    return query
    select workspace_id, kind, (accepted_at at time zone 'UTC')::date, sum(cardinality(task_ids))::bigint, 0::bigint, 0::bigint, 0::bigint
      from accepted_log where accepted_at >= since and accepted_at < until group by 1, 2, 3
    union all
    select workspace_id, kind, (completed_at at time zone 'UTC')::date, 0, count(*) filter (where task_status = 'completed'),
           count(*) filter (where task_status = 'discarded'), count(*) filter (where task_status = 'cancelled')
      from task_history where completed_at >= since and completed_at < until group by 1, 2, 3;
end $$;
comment on function postrider.booked is 'What was accepted and what has ended in a span of time, as far as the caller may see it, per workspace, kind and day.';

-- One statement, hence one snapshot; the function is stable, and so reads in that snapshot, too.
create or replace view postrider.book_balances with (security_invoker = true) as
with books as (
    select workspace_id, kind, accepted, completed, 0 as dead_lettered, discarded, cancelled, 0 as waiting, 0 as running,
           0 as missing, 0 as unknown
      from postrider.book_totals
    union all
    select workspace_id, kind, accepted, completed, 0, discarded, cancelled, 0, 0, 0, 0
      from postrider.booked((select counted_until from postrider.book_state), 'infinity')
    union all
    select workspace_id, kind, 0, 0, count(*), 0, 0, 0, 0, 0, 0 from postrider.dead_letters group by 1, 2
    union all
    select workspace_id, kind, 0, 0, 0, 0, 0, count(*) filter (where task_status = 'queued'),
           count(*) filter (where task_status = 'processing'), 0, 0
      from postrider.background_tasks group by 1, 2
    union all
    select workspace_id, kind, 0, 0, 0, 0, 0, 0, 0, count(*) filter (where what = 'missing'),
           count(*) filter (where what = 'unknown')
      from postrider.book_findings where resolved_at is null and acknowledged_at is null group by 1, 2
)
select workspace_id, kind, sum(accepted)::bigint as accepted, sum(completed)::bigint as completed,
       sum(dead_lettered)::bigint as dead_lettered, sum(discarded)::bigint as discarded,
       sum(cancelled)::bigint as cancelled, sum(waiting)::bigint as waiting, sum(running)::bigint as running,
       sum(missing)::bigint as missing, sum(unknown)::bigint as unknown,
       sum(accepted - completed - dead_lettered - discarded - cancelled - waiting - running)::bigint as difference
  from books
 where not exists (select from postrider.erasures e where e.workspace_id = books.workspace_id and e.ended_at is null)
 group by workspace_id, kind;
comment on view postrider.book_balances is 'Per workspace and kind: the books, their difference, and the open findings, which explain it. A workspace that is being erased has no books any more.';

create or replace view postrider.accounting with (security_invoker = true) as
select workspace_id, kind, accepted, completed, dead_lettered, discarded, cancelled, waiting, running,
       case when missing + unknown <= abs(difference) then difference
            when difference < 0 or difference = 0 and unknown > missing then -(missing + unknown)
            else missing + unknown end as unaccounted
  from postrider.book_balances;
comment on view postrider.accounting is 'Per workspace and kind: what was accepted, and where it is now; unaccounted is 0, or else the difference, or the number of open findings if that is more.';
grant select on postrider.book_balances, postrider.accounting to postrider_tenant, postrider_operator, postrider_analyst, postrider_engine;
revoke execute on function postrider.booked from public;
grant execute on function postrider.booked to postrider_tenant, postrider_operator, postrider_analyst, postrider_engine;

-- version changes when rows of a partition are updated or deleted, and when it is truncated or written anew; a crash resets
-- the counts, which looks like a change. A partition that is being detached is gone.
create or replace function postrider.book_partitions()
    returns table (name text, parent text, lower timestamptz, upper timestamptz, version text)
    language sql stable set search_path = postrider, pg_temp as $$
    select c.relname::text, p.relname::text, coalesce(bounds[1]::timestamptz, '-infinity'), coalesce(bounds[2]::timestamptz, 'infinity'),
           format('%s %s', pg_relation_filenode(c.oid), pg_stat_get_tuples_updated(c.oid) + pg_stat_get_tuples_deleted(c.oid))
      from pg_inherits i join pg_class c on c.oid = i.inhrelid join pg_class p on p.oid = i.inhparent
     cross join lateral regexp_match(pg_get_expr(c.relpartbound, c.oid), $re$FROM \('(.+)'\) TO \('(.+)'\)$re$) as b (bounds)
     where i.inhparent in ('task_history'::regclass, 'accepted_log'::regclass) and not i.inhdetachpending
$$;
comment on function postrider.book_partitions is 'The partitions that the books are kept of, what time each is for, and what tells whether somebody has changed it.';

create or replace function postrider.books_floor() returns timestamptz
    language sql stable set search_path = postrider, pg_temp
return (select max(first) from (select min(lower) as first from postrider.book_partitions() group by parent) parents);
comment on function postrider.books_floor is 'Since when both what was accepted and what has ended is there, partition for partition.';

-- Ranges that filled up since the last vacuum and that nobody has summarized are read from end to end: after very many
-- rows PostgreSQL's own list of them overflows.
create or replace function postrider.summarize_books(since timestamptz) returns void
    language plpgsql security definer set search_path = postrider, pg_temp set lock_timeout = '100ms' as $$
begin
    perform brin_summarize_new_values(i.indexrelid)
       from book_partitions() p
       join pg_index i on i.indrelid = to_regclass(format('postrider.%I', p.name))
       join pg_class c on c.oid = i.indexrelid
       join pg_am a on a.oid = c.relam and a.amname = 'brin'
      where p.upper > summarize_books.since and p.lower < now();
exception when lock_not_available then
    null; -- vacuum is at work, and does it itself
end $$;
comment on function postrider.summarize_books is 'Brings the indexes on time up to date. Definer: that is the right of the owner of the tables; the caller chooses nothing but a time.';
revoke execute on function postrider.book_partitions, postrider.books_floor, postrider.summarize_books from public;
grant execute on function postrider.book_partitions, postrider.books_floor, postrider.summarize_books to postrider_engine;

set local role postrider_engine;
create or replace function postrider.unaccounted() returns bigint
    language sql stable security definer set search_path = postrider, pg_temp
return (select coalesce(sum(abs(unaccounted)), 0)::bigint from postrider.accounting);
comment on function postrider.unaccounted is 'How many tasks and deliveries the books do not explain, over all workspaces: 0. Definer: counts over all workspaces, and shows no row.';

create or replace function postrider.read_books()
    returns table (unaccounted bigint, findings bigint, counted_until timestamptz, behind double precision)
    language sql stable security definer set search_path = postrider, pg_temp as $$
    select coalesce(sum(abs(b.unaccounted)), 0)::bigint,
           (select count(*) from book_findings where resolved_at is null and acknowledged_at is null),
           s.counted_until,
           case when isfinite(s.counted_until) then extract(epoch from now() - s.counted_until) else 'infinity' end::double precision
      from book_state s left join accounting b on true
     group by s.counted_until
$$;
comment on function postrider.read_books is 'What the gauge and the health show: what the books do not explain, how many of that is known by id, and how far they are kept. Definer: counts over all workspaces, and shows no row.';

create or replace function postrider.books_cover(until timestamptz) returns boolean
    language sql stable security definer set search_path = postrider, pg_temp
return (select counted_until >= books_cover.until and search_before is null and recount_before is null and sweep_before is null
          from postrider.book_state);
comment on function postrider.books_cover is 'Whether all that is older is in the totals, and nothing is being looked for: then partitions of that time may go. Definer: nobody but the engine needs to know the rest.';

-- A row's time is taken when it is inserted, by a transaction that has its number already, since it has locked or inserted
-- another row before. So what is older than this transaction's begin was inserted by transactions with smaller numbers;
-- once all of those have ended it is visible, and can be counted once and for all. pg_snapshot_xmax is no such bound: it is
-- one past the last transaction that has ended, and newer ones may be at work. A second is allowed for what is inserted by hand,
-- and for clocks that are put back a little.
-- After the clock was put back by more, rows come in with times that were counted already: then all from that day on is
-- counted again.
create or replace function postrider.keep_books() returns boolean
    language plpgsql security definer set search_path = postrider, pg_temp as $$
#variable_conflict use_column
declare
    state book_state;
    upto timestamptz;
    again constant date := (now() at time zone 'UTC')::date;
    rows bigint;
begin
    if not pg_try_advisory_xact_lock(hashtextextended('postrider.books', 0)) then
        return false;
    end if;
    select * into state from book_state;
    if now() < state.counted_until then
        with gone as (delete from book_days where day >= again returning *)
        update book_totals t
           set accepted = t.accepted - g.accepted, completed = t.completed - g.completed,
               discarded = t.discarded - g.discarded, cancelled = t.cancelled - g.cancelled
          from (select workspace_id, kind, sum(accepted) as accepted, sum(completed) as completed,
                       sum(discarded) as discarded, sum(cancelled) as cancelled from gone group by 1, 2) g
         where t.workspace_id = g.workspace_id and t.kind = g.kind;
        state.counted_until := again::timestamp at time zone 'UTC';
        state.candidate := null;
    end if;
    -- Of another cluster, whose dump was restored here, or of a clock that was put back.
    if state.candidate_xid > pg_current_xact_id() or state.candidate > now() then
        state.candidate := null;
    end if;
    if pg_snapshot_xmin(pg_current_snapshot()) >= state.candidate_xid and state.candidate > state.counted_until then
        upto := least(state.candidate,
                      greatest(state.counted_until, (select min(created_at) from workspaces)) + interval '1 hour');
        with counted as materialized (
            select workspace_id, kind, day, sum(accepted)::bigint as accepted, sum(completed)::bigint as completed,
                   sum(discarded)::bigint as discarded, sum(cancelled)::bigint as cancelled
              from booked(state.counted_until, upto) group by 1, 2, 3
        ), days as (
            insert into book_days as d select * from counted
            on conflict (workspace_id, kind, day) do update
                set accepted = d.accepted + excluded.accepted, completed = d.completed + excluded.completed,
                    discarded = d.discarded + excluded.discarded, cancelled = d.cancelled + excluded.cancelled
        ), totals as (
            insert into book_totals as t
            select workspace_id, kind, sum(accepted), sum(completed), sum(discarded), sum(cancelled) from counted group by 1, 2
            on conflict (workspace_id, kind) do update
                set accepted = t.accepted + excluded.accepted, completed = t.completed + excluded.completed,
                    discarded = t.discarded + excluded.discarded, cancelled = t.cancelled + excluded.cancelled
        )
        select sum(accepted + completed + discarded + cancelled) into rows from counted;
        if rows > 20000 then
            perform summarize_books(state.counted_until);
        end if;
        delete from book_days where day < (books_floor() at time zone 'UTC')::date;
        state.counted_until := upto;
    end if;
    if coalesce(state.candidate <= state.counted_until, true) then
        state.candidate := now() - interval '1 second';
        state.candidate_xid := pg_current_xact_id();
        upto := case when not isfinite(state.counted_until) then state.candidate end;
    end if;
    update book_state set counted_until = state.counted_until, candidate = state.candidate, candidate_xid = state.candidate_xid;
    return upto is not null;
end $$;
comment on function postrider.keep_books is 'Adds to the totals what nobody can change any more, an hour of it at most; true: there is more, or this is the beginning. One node at a time. Definer: keeps the books of all workspaces, and the dispatcher may touch no table.';

create or replace function postrider.recount_day(day date) returns boolean
    language plpgsql set search_path = postrider, pg_temp as $$
#variable_conflict use_column
declare
    changes bigint;
begin
    with found as (
        select workspace_id, kind, sum(accepted)::bigint as accepted, sum(completed)::bigint as completed,
               sum(discarded)::bigint as discarded, sum(cancelled)::bigint as cancelled
          from booked($1::timestamp at time zone 'UTC',
                      least(($1 + 1)::timestamp at time zone 'UTC', (select counted_until from book_state)))
         group by 1, 2
    ), change as materialized (
        select workspace_id, kind, coalesce(f.accepted, 0) - coalesce(d.accepted, 0) as accepted,
               coalesce(f.completed, 0) - coalesce(d.completed, 0) as completed,
               coalesce(f.discarded, 0) - coalesce(d.discarded, 0) as discarded,
               coalesce(f.cancelled, 0) - coalesce(d.cancelled, 0) as cancelled
          from found f full join (select * from book_days where day = $1) d using (workspace_id, kind)
         where (f.accepted, f.completed, f.discarded, f.cancelled) is distinct from (d.accepted, d.completed, d.discarded, d.cancelled)
    ), days as (
        insert into book_days as d (workspace_id, kind, day, accepted, completed, discarded, cancelled)
        select workspace_id, kind, $1, accepted, completed, discarded, cancelled from change
        on conflict (workspace_id, kind, day) do update
            set accepted = d.accepted + excluded.accepted, completed = d.completed + excluded.completed,
                discarded = d.discarded + excluded.discarded, cancelled = d.cancelled + excluded.cancelled
    ), totals as (
        insert into book_totals as t select * from change
        on conflict (workspace_id, kind) do update
            set accepted = t.accepted + excluded.accepted, completed = t.completed + excluded.completed,
                discarded = t.discarded + excluded.discarded, cancelled = t.cancelled + excluded.cancelled
    )
    select count(*) into changes from change;
    return changes > 0;
end $$;
comment on function postrider.recount_day is 'Counts a day again, as far as it is in the totals; whether something had changed. Called by the engine''s functions only.';

create or replace function postrider.book_differences() returns jsonb
    language sql stable set search_path = postrider, pg_temp as $$
    select coalesce(jsonb_agg(jsonb_build_array(workspace_id, kind, unexplained) order by workspace_id, kind), '[]')
      from (select workspace_id, kind, difference - missing + unknown as unexplained
              from book_balances where difference <> missing - unknown
             order by workspace_id, kind limit 1000) b
$$;
comment on function postrider.book_differences is 'The workspaces and kinds whose difference no open finding explains, with what is left of it; a thousand at most.';

-- What was accepted in a span of time is held against what is there with ids of that time: a scan of accepted_log by time,
-- and per workspace a range of the primary keys. A minute is allowed between an id and its acceptance; what is left over then
-- is looked up one by one, by key, and for a task without acceptance in accepted_log around the time that it gives for itself.
create or replace function postrider.search_books(since timestamptz, until timestamptz, workspaces uuid[])
    returns table (workspace_id uuid, task_id uuid, kind text, what text, accepted_at timestamptz)
    language plpgsql stable set search_path = postrider, pg_temp
    set plan_cache_mode = force_custom_plan set enable_seqscan = off set jit = off set work_mem = '64MB' as $$
#variable_conflict use_column
declare
    bottom constant timestamptz := books_floor();
    slack constant interval := '1 minute';
    -- Ids that are no UUIDv7 are of any time: they belong to the newest and the oldest span.
    first_id constant uuid := case when since <= bottom then '00000000-0000-0000-0000-000000000000' else id_floor(since) end;
    last_id constant uuid := case when isfinite(until) then id_floor(until) else 'ffffffff-ffff-ffff-ffff-ffffffffffff' end;
    from_id constant uuid := case when since <= bottom then first_id else id_floor(since - slack) end;
    to_id constant uuid := case when isfinite(until) then id_floor(until + slack) else last_id end;
begin
    return query
    with accepted as materialized (
        select l.workspace_id, l.kind, l.accepted_at, task_id
          from accepted_log l cross join unnest(l.task_ids) as task_id
         where l.accepted_at >= since - slack and l.accepted_at < until + slack
           and (workspaces is null or l.workspace_id = any (workspaces))
    ), present as materialized (
        select w.workspace_id, t.task_id
          from (select w.workspace_id from workspaces w where search_books.workspaces is null
                union select t.workspace_id from book_totals t where search_books.workspaces is null
                union select unnest(search_books.workspaces)) w
         cross join lateral (
               select b.task_id from background_tasks b
                where b.workspace_id = w.workspace_id and b.task_id >= from_id and b.task_id < to_id
               union all
               select d.task_id from dead_letters d
                where d.workspace_id = w.workspace_id and d.task_id >= from_id and d.task_id < to_id
               union all
               select h.task_id from task_history h
                where h.workspace_id = w.workspace_id and h.task_id >= from_id and h.task_id < to_id
                  and h.completed_at >= since - interval '1 day'
               offset 0) t
    ), alone as (
        select workspace_id, task_id, a.kind, a.accepted_at, p.task_id is null as nowhere
          from accepted a full join present p using (workspace_id, task_id)
         where a.task_id is null or p.task_id is null
    )
    select a.workspace_id, a.task_id, a.kind, 'missing', a.accepted_at
      from alone a
     where nowhere and a.accepted_at >= since and a.accepted_at < until
       and not exists (select from background_tasks b where b.workspace_id = a.workspace_id and b.task_id = a.task_id)
       and not exists (select from dead_letters d where d.workspace_id = a.workspace_id and d.task_id = a.task_id)
       and not exists (select from task_history h
                        where h.workspace_id = a.workspace_id and h.task_id = a.task_id
                          and h.completed_at >= a.accepted_at - interval '1 day')
    union all
    select a.workspace_id, a.task_id, d.kind, 'unknown', d.created_at
      from alone a
     cross join lateral (
           select b.kind, b.created_at from background_tasks b where b.workspace_id = a.workspace_id and b.task_id = a.task_id
           union all
           select d.kind, d.created_at from dead_letters d where d.workspace_id = a.workspace_id and d.task_id = a.task_id
           union all
           select h.kind, h.created_at from task_history h
            where h.workspace_id = a.workspace_id and h.task_id = a.task_id and h.completed_at >= since - interval '1 day'
            limit 1) d
     -- Whether something was accepted before the first partition nobody knows any more.
     where not nowhere and a.task_id >= first_id and a.task_id < last_id and d.created_at >= bottom
       and not exists (select from accepted_log l
                        where l.workspace_id = a.workspace_id and l.accepted_at >= d.created_at - slack
                          and l.accepted_at < d.created_at + interval '1 day' and a.task_id = any (l.task_ids));
end $$;
comment on function postrider.search_books is 'What was accepted in a span of time and is nowhere, and what has an id of that time and was never accepted; of some workspaces, or of all (null). Called by the engine''s functions only.';

create or replace function postrider.note_findings(since timestamptz, until timestamptz, workspaces uuid[]) returns text[]
    language plpgsql set search_path = postrider, pg_temp as $$
#variable_conflict use_column
declare
    bottom constant timestamptz := books_floor();
    remarks text[];
begin
    with added as (
        insert into book_findings as f (workspace_id, task_id, kind, what, accepted_at)
        select distinct on (workspace_id, task_id) workspace_id, task_id, kind, what, accepted_at
          from search_books($1, $2, $3) s
         where not exists (select from erasures e where e.workspace_id = s.workspace_id and e.ended_at is null) -- its rows go one after the other
         order by workspace_id, task_id
        on conflict (workspace_id, task_id) do update
            set kind = excluded.kind, what = excluded.what, accepted_at = excluded.accepted_at, found_at = excluded.found_at,
                resolved_at = null, acknowledged_at = null, actor = null, reason = null, written_off = 0
          where f.resolved_at is not null
        returning *
    ), audited as (
        insert into system_events (workspace_id, event_type, actor, payload)
        select workspace_id, 'books.unaccounted', 'engine',
               jsonb_build_object('kind', kind, 'what', what, 'taskIds', jsonb_agg(task_id order by task_id))
          from (select *, row_number() over (partition by workspace_id, kind, what order by task_id) / 1000 as page from added) a
         group by workspace_id, kind, what, page
    )
    select array_agg(format(
               case what when 'missing' then 'The books miss %s of kind %s in workspace %s, accepted and gone without a trace: %s. '
                             'Restore what was deleted, or acknowledge the loss'
                         else 'The books do not know %s of kind %s in workspace %s, never accepted: %s. '
                             'Delete what was inserted by hand, or acknowledge it' end
               || ' with postrider.acknowledge_finding (docs/guides/books.md)', tasks, kind, workspace_id,
               ids || case when tasks > 20 then ', and more in postrider.book_findings' else '' end))
      into remarks
      from (select workspace_id, kind, what, count(*) as tasks,
                   string_agg(task_id::text, ', ' order by task_id) filter (where place <= 20) as ids
              from (select *, row_number() over (partition by workspace_id, kind, what order by task_id) as place from added) a
             group by 1, 2, 3) g;
    -- A partition that went meanwhile makes its rows look lost: nothing of this stands, and the next run looks again.
    if books_floor() is distinct from bottom then
        raise sqlstate '40001' using message = 'a partition of the history was dropped while the books were searched';
    end if;
    return remarks;
end $$;
comment on function postrider.note_findings is 'Notes and audits what search_books finds; returns what to log of the new findings, or null. Called by the engine''s functions only.';

-- Acknowledged ones, too: what is restored after all has to be accepted again.
create or replace function postrider.recheck_findings() returns void
    language plpgsql set search_path = postrider, pg_temp set enable_seqscan = off as $$
#variable_conflict use_column
declare
    restored date;
    days date[];
begin
    with open as materialized (
        select * from book_findings where resolved_at is null order by acknowledged_at nulls first, found_at desc limit 100000
    ), places as (
        select o.workspace_id, o.task_id, h.completed_at,
               h.completed_at is not null
               or exists (select from background_tasks b where b.workspace_id = o.workspace_id and b.task_id = o.task_id)
               or exists (select from dead_letters d where d.workspace_id = o.workspace_id and d.task_id = o.task_id) as there,
               (select accepted_at from accepted_log l
                 where o.what = 'unknown' and l.workspace_id = o.workspace_id and o.task_id = any (l.task_ids)
                   and l.accepted_at >= o.accepted_at - interval '1 minute' and l.accepted_at < o.accepted_at + interval '1 day'
                 limit 1) as accepted_at
          from open o
          left join lateral (
               select completed_at from task_history h
                where h.workspace_id = o.workspace_id and h.task_id = o.task_id
                  and h.completed_at >= o.accepted_at - interval '1 day' limit 1) h on true
    ), resolved as (
        update book_findings f set resolved_at = clock_timestamp()
          from places p
         where f.workspace_id = p.workspace_id and f.task_id = p.task_id and f.resolved_at is null
           and case f.what when 'missing' then p.there else not p.there or p.accepted_at is not null end
        returning f.*, coalesce(p.completed_at, p.accepted_at) as counted_at
    ), undone as (
        update book_totals t set accepted = t.accepted - r.written_off
          from (select workspace_id, kind, sum(written_off) as written_off from resolved group by 1, 2) r
         where t.workspace_id = r.workspace_id and t.kind = r.kind
    ), audited as (
        insert into system_events (workspace_id, event_type, actor, payload)
        select workspace_id, 'books.resolved', 'engine',
               jsonb_build_object('kind', kind, 'what', what, 'taskIds', jsonb_agg(task_id order by task_id))
          from resolved group by workspace_id, kind, what
    )
    select array_agg(distinct (counted_at at time zone 'UTC')::date) into days from resolved where counted_at >= books_floor();
    foreach restored in array coalesce(days, '{}') loop
        perform recount_day(restored);
    end loop;
end $$;
comment on function postrider.recheck_findings is 'Resolves findings that are right again, because somebody has restored or deleted what it took. Called by the engine''s functions only.';

-- So many days at once that the statement reads about a million rows, a month at most; a part of a day that has more. What
-- is not counted yet goes by hours.
create or replace function postrider.search_from(until timestamptz) returns timestamptz
    language plpgsql stable set search_path = postrider, pg_temp as $$
#variable_conflict use_column
declare
    counted constant timestamptz := (select counted_until from book_state);
    top constant timestamptz := least(search_from.until, clock_timestamp() + interval '1 day');
    last_day constant date := ((top - interval '1 microsecond') at time zone 'UTC')::date;
    rows bigint;
    full_day date;
begin
    if top > counted then
        return greatest(counted, top - case when isfinite(search_from.until) then interval '1 hour' else interval '25 hours' end);
    end if;
    select sum(accepted) into rows from book_days d where d.day = last_day;
    if rows > 1000000 then
        return greatest(last_day::timestamp at time zone 'UTC', top - interval '24 hours' * (1000000.0 / rows));
    end if;
    select max(d.day) into full_day
      from (select d.day, sum(sum(accepted)) over (order by d.day desc) as rows
              from book_days d where d.day <= last_day and d.day > last_day - 31 group by d.day) d
     where d.rows > 1000000;
    return coalesce(full_day + 1, last_day - 30)::timestamp at time zone 'UTC';
end $$;
comment on function postrider.search_from is 'Where the next span of a search begins that ends at a time. Called by the engine''s functions only.';

-- One step of what has to be looked into, in this order: the ids behind the present differences, newest acceptances first;
-- the days that somebody may have changed, counted again; and after such a change the ids of all workspaces, because what was
-- put in somebody's place makes no difference. The first step of a run looks what there is to do.
create or replace function postrider.reconcile_books(first boolean) returns table (more boolean, remark text)
    language plpgsql security definer set search_path = postrider, pg_temp as $$
#variable_conflict use_column
declare
    bottom constant timestamptz := books_floor();
    state book_state;
    partitions record;
    unexplained jsonb;
    since timestamptz;
    remarks text[];
begin
    if not pg_try_advisory_xact_lock(hashtextextended('postrider.books', 0)) then
        return query select false, null::text;
        return;
    end if;
    select * into state from book_state;
    if first then
        perform recheck_findings();
        select jsonb_object_agg(name, version) as seen, max(upper) filter (where changed) as upper,
               min(lower) filter (where changed) as lower
          into partitions
          from (select *, coalesce(state.seen ->> name, split_part(version, ' ', 1) || ' 0') <> version as changed
                  from book_partitions()) p;
        state.seen := partitions.seen;
        if partitions.upper is not null and isfinite(state.counted_until) then -- what was before the first count nobody knows
            state.recount_after := greatest(bottom, least(state.recount_after, partitions.lower));
            state.recount_before := greatest(state.recount_before, least(state.counted_until, partitions.upper));
            state.sweep_before := 'infinity';
        end if;
        unexplained := book_differences();
        if unexplained = '[]' then
            state.suspects := '[]';
            state.search_before := null;
            state.recounted := false;
        elsif unexplained <> state.suspects
              or state.search_before is null and state.recount_before is null and state.rested_until < now() then
            state.suspects := unexplained;
            state.recounted := false;
            state.rested_until := '-infinity';
            state.search_before := 'infinity';
        end if;
    end if;
    unexplained := null;
    if state.search_before > bottom then
        since := greatest(bottom, search_from(state.search_before));
        remarks := note_findings(since, state.search_before,
                                 array (select distinct (suspect ->> 0)::uuid from jsonb_array_elements(state.suspects) suspect));
        state.search_before := since;
        if remarks is not null then
            unexplained := book_differences();
        end if;
    elsif state.search_before is not null then
        state.search_before := null;
        if state.recounted then
            state.rested_until := now() + interval '1 hour';
            select array_agg(format('The books of workspace %s differ by %s of kind %s, and no id explains it: see docs/guides/books.md',
                                    suspect ->> 0, suspect ->> 2, suspect ->> 1))
              into remarks from jsonb_array_elements(state.suspects) suspect;
        else
            state.recounted := true;
            state.recount_before := state.counted_until;
            state.recount_after := bottom;
        end if;
    elsif state.recount_before > greatest(bottom, state.recount_after) then
        since := date_trunc('day', state.recount_before - interval '1 microsecond', 'UTC');
        if recount_day((since at time zone 'UTC')::date) then
            unexplained := book_differences();
            if unexplained <> '[]' and not state.recounted then
                state.suspects := unexplained;
                state.search_before := since + interval '25 hours'; -- what ended on a day was not accepted after it
            end if;
        end if;
        state.recount_before := since;
    elsif state.recount_before is not null then
        state.recount_before := null;
        state.recount_after := null;
        if state.recounted and state.suspects <> '[]' then
            state.search_before := 'infinity';
        end if;
    elsif state.sweep_before > bottom then
        since := greatest(bottom, search_from(state.sweep_before));
        remarks := note_findings(since, state.sweep_before, null);
        state.sweep_before := since;
    else
        state.sweep_before := null;
    end if;
    if unexplained = '[]' then
        state.suspects := '[]';
        state.search_before := null;
        if state.recounted then
            state.recount_before := null;
            state.recount_after := null;
        end if;
        state.recounted := false;
    end if;
    update book_state
       set seen = state.seen, suspects = state.suspects, search_before = state.search_before, recounted = state.recounted,
           rested_until = state.rested_until, recount_before = state.recount_before, recount_after = state.recount_after,
           sweep_before = state.sweep_before;
    return query
    select num_nonnulls(state.search_before, state.recount_before, state.sweep_before) > 0, said
      from unnest(coalesce(remarks, array [null])) said;
end $$;
comment on function postrider.reconcile_books is 'Looks for what makes the books differ, a step at a time; returns whether there is more to do, and what to log. One node at a time. Definer: looks at all workspaces, and the dispatcher may touch no table.';

-- What was lost is written off, unless the difference is not there: then others explain it.
create or replace function postrider.acknowledge_finding(workspace_id uuid, task_id uuid, reason text) returns void
    language plpgsql security definer set search_path = postrider, pg_temp as $$
#variable_conflict use_column
declare
    finding book_findings;
    balance book_balances;
    change int := 0;
begin
    perform required_reason(acknowledge_finding.reason);
    perform pg_advisory_xact_lock(hashtextextended('postrider.books', 0));
    select * into finding from book_findings f
     where f.workspace_id = acknowledge_finding.workspace_id and f.task_id = acknowledge_finding.task_id;
    if finding.task_id is null then
        raise sqlstate 'PR404' using
            message = format('nothing was found about task %s of workspace %s', acknowledge_finding.task_id, acknowledge_finding.workspace_id),
            hint = 'Take the ids from postrider.book_findings.';
    elsif finding.resolved_at is not null or finding.acknowledged_at is not null then
        raise sqlstate 'PR409' using
            message = format('the finding about task %s is %s already', acknowledge_finding.task_id,
                             case when finding.resolved_at is null then 'acknowledged' else 'resolved' end);
    end if;
    select * into balance from book_balances b where b.workspace_id = finding.workspace_id and b.kind = finding.kind;
    if finding.what = 'missing' and balance.difference > balance.missing - balance.unknown - 1 then
        change := -1;
    elsif finding.what = 'unknown' and balance.difference < balance.missing - balance.unknown + 1 then
        change := 1;
    end if;
    insert into book_totals as t (workspace_id, kind, accepted) values (finding.workspace_id, finding.kind, change)
    on conflict (workspace_id, kind) do update set accepted = t.accepted + excluded.accepted;
    update book_findings f
       set acknowledged_at = clock_timestamp(), reason = acknowledge_finding.reason, written_off = change,
           actor = coalesce(nullif(current_setting('app.actor', true), ''), session_user)
     where f.workspace_id = finding.workspace_id and f.task_id = finding.task_id;
    perform audit_in(finding.workspace_id, 'books.acknowledged', jsonb_build_object(
        'taskId', finding.task_id, 'kind', finding.kind, 'what', finding.what, 'reason', acknowledge_finding.reason));
end $$;
comment on function postrider.acknowledge_finding is 'Accepts that a task is lost, or was never accepted: the books agree again without it. Audited. Definer: operators may not write, and see all workspaces.';

revoke execute on function postrider.unaccounted, postrider.read_books, postrider.books_cover, postrider.keep_books,
    postrider.recount_day, postrider.book_differences, postrider.search_books, postrider.note_findings,
    postrider.recheck_findings, postrider.search_from, postrider.reconcile_books, postrider.acknowledge_finding from public;
grant execute on function postrider.unaccounted, postrider.read_books, postrider.keep_books, postrider.reconcile_books
    to postrider_dispatcher;
grant execute on function postrider.books_cover to postrider_owner;
grant execute on function postrider.acknowledge_finding to postrider_operator;
set local role postrider_owner;
