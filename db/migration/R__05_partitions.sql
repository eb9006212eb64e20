-- Partitions: made ahead by the routine, or before an insert that finds none; dropped by the routine, a statement at a time.
-- Migrations run with row_security off, so that a forgotten backfill fails; a function's body is only rewritten here.
set local row_security = on;

create or replace view postrider.partitions with (security_invoker = true) as
select parent.relname as table_name, child.relname as partition_name,
       substring(bounds from $r$FROM \('([^']+)'\)$r$)::timestamptz as starts,
       substring(bounds from $r$TO \('([^']+)'\)$r$)::timestamptz as until, i.inhdetachpending as detaching
  from pg_inherits i join pg_class parent on parent.oid = i.inhparent and parent.relkind = 'p'
  join pg_class child on child.oid = i.inhrelid and child.relispartition
 cross join lateral pg_get_expr(child.relpartbound, child.oid) bounds
 where parent.relnamespace = 'postrider'::regnamespace;
comment on view postrider.partitions is 'The partitions of each table, and what they cover; detaching: a drop of it was cut off.';
grant select on postrider.partitions to postrider_engine, postrider_operator;

create or replace function postrider.period_start(partition_by text, moment timestamptz) returns timestamptz
    language sql immutable parallel safe
return date_trunc(partition_by, moment, 'UTC');
comment on function postrider.period_start is 'The beginning of the day or month of a moment, in UTC.';

create or replace function postrider.period_after(partition_by text, starts timestamptz, periods int) returns timestamptz
    language sql immutable parallel safe
return (date_trunc(partition_by, starts, 'UTC') at time zone 'UTC' + periods * ('1 ' || partition_by)::interval) at time zone 'UTC';
comment on function postrider.period_after is 'The beginning of the day or month so many after that of a moment, in UTC.';

-- Created LIKE its parent, protected, and then attached: a lighter lock than CREATE … PARTITION OF, and none that an insert
-- waits for. It gets the parent's policies and no grants, so that naming it directly yields nothing.
create or replace function postrider.make_partition(parent regclass, starts timestamptz, until timestamptz) returns void
    language plpgsql set search_path = pg_catalog, pg_temp set client_min_messages = warning as $$
declare
    whole_month constant boolean := postrider.period_start('month', starts) = starts
                                    and postrider.period_after('month', starts, 1) = until;
    name constant text := format('%s_%s', (select relname from pg_class where oid = parent),
        to_char(starts at time zone 'UTC', case when whole_month then 'YYYY_MM' else 'YYYY_MM_DD' end));
    policy record;
begin
    execute format('create table postrider.%I (like %s including all)', name, parent);
    execute format('alter table postrider.%I enable row level security, force row level security', name);
    for policy in select p.* from pg_policies p join pg_class c on c.relname = p.tablename and c.oid = parent
                  where p.schemaname = 'postrider' loop
        execute format('create policy %I on postrider.%I for %s to %s using (%s) %s', policy.policyname, name, policy.cmd,
                       (select string_agg(quote_ident(r), ', ') from unnest(policy.roles) r), policy.qual,
                       case when policy.with_check is not null then format('with check (%s)', policy.with_check) end);
    end loop;
    if not has_table_privilege('postrider_owner', parent, 'delete') then -- it is only added to
        execute format('revoke update, delete, truncate on postrider.%I from postrider_owner', name);
    end if;
    execute format('alter table %s attach partition postrider.%I for values from (%L) to (%L)', parent, name, starts, until);
end $$;
comment on function postrider.make_partition is 'Makes the partition of a table from one moment until another. Called by make_partitions.';

-- Whoever makes partitions first waits for others who do, and then finds them. A moment outside of what was made (months
-- without any node, or a clock that jumps) begins a new range; partitions that are there already are parts of it, and one
-- that somebody has dropped is made again.
create or replace function postrider.make_partitions(target text, moment timestamptz default clock_timestamp()) returns int
    language plpgsql set search_path = postrider, pg_temp as $$
#variable_conflict use_column
declare
    setting retention_settings;
    present record;
    known_until timestamptz;
    goal timestamptz;
    until timestamptz;
    made int := 0;
begin
    perform pg_advisory_xact_lock(hashtextextended('postrider.ensure_partitions', 0));
    select * into setting from retention_settings where table_name = target;
    if moment >= setting.made_from and moment < setting.made_until then
        known_until := setting.made_until;
        setting.made_until := greatest(setting.made_from, period_start(setting.partition_by, moment));
    else
        setting.made_from := period_start(setting.partition_by, moment);
        setting.made_until := setting.made_from;
    end if;
    goal := period_after(setting.partition_by, moment, setting.ahead + 1);
    while setting.made_until < goal loop
        select p.starts, p.until into present from partitions p
         where p.table_name = target and p.until > setting.made_until order by p.starts limit 1;
        if present.starts <= setting.made_until then
            setting.made_from := least(setting.made_from, present.starts);
            setting.made_until := present.until;
        else
            until := least(period_after(setting.partition_by, setting.made_until, 1), present.starts);
            perform make_partition(format('postrider.%I', target)::regclass, setting.made_until, until);
            setting.made_until := until;
            made := made + 1;
        end if;
    end loop;
    setting.made_until := greatest(setting.made_until, known_until);
    update retention_settings s set made_from = setting.made_from, made_until = setting.made_until
     where s.table_name = target
       and (s.made_from, s.made_until) is distinct from (setting.made_from, setting.made_until);
    return made;
end $$;
comment on function postrider.make_partitions is 'Makes the missing partitions of one table, of a moment and as far ahead as its setting says; returns how many.';

create or replace function postrider.ensure_partitions() returns int
    language plpgsql security definer set search_path = postrider, pg_temp as $$
declare
    target text;
    made int := 0;
begin
    for target in select table_name from retention_settings order by table_name loop
        made := made + make_partitions(target, now()) + make_partitions(target, clock_timestamp());
    end loop;
    return made;
end $$;
comment on function postrider.ensure_partitions is 'Makes the missing partitions of every partitioned table, of now and as far ahead as its setting says; returns how many. Definer: making a table in the schema is the owner''s right; the caller chooses nothing.';

-- Called before each insert into a partitioned table, and so in a hurry: one look at five rows. Only when the routine has not
-- run for months there is more to do. Both clocks: rows take their time from the one or from the other.
create or replace function postrider.require_partitions() returns void language plpgsql as $$
begin
    if exists (select from postrider.retention_settings
                where now() < made_from or clock_timestamp() >= made_until or made_until is null) then
        if postrider.ensure_partitions() > 0 then
            perform postrider.made_late();
        end if;
    end if;
end $$;
comment on function postrider.require_partitions is 'Makes partitions for now, if there are none. Called by the functions that insert into partitioned tables.';

-- What the routine does next, each statement in a transaction of its own; it is asked again after each, and so goes on where
-- another was cut off, at whatever statement. Partitions that could not be locked are passed over until the next run.
create or replace function postrider.next_retention_step(passed_over text[]) returns table (subject text, statement text)
    language plpgsql set search_path = postrider, pg_temp as $$
#variable_conflict use_column
begin
    return query select subject, statement from (
        select 1 as step, made_until as since, table_name as subject, format('select postrider.make_partitions(%L)', table_name) as statement
          from retention_settings s
         where made_until is null or made_until < period_after(partition_by, clock_timestamp(), ahead + 1)
            or clock_timestamp() < made_from
            or not exists (select from partitions p where p.table_name = s.table_name and p.starts <= clock_timestamp() and p.until > clock_timestamp())
        union all
        select 2, starts, partition_name, format('alter table postrider.%I detach partition postrider.%I finalize', table_name, partition_name)
          from partitions where detaching
        union all
        select 3, d.begun_at, partition_name, format('alter table postrider.%I detach partition postrider.%I concurrently', d.table_name, partition_name)
          from partition_drops d join partitions p using (partition_name) where dropped_at is null and not detaching
        union all
        select 4, begun_at, partition_name, format('select postrider.end_drop(%L)', partition_name)
          from partition_drops d
         where dropped_at is null and not exists (select from partitions p where p.partition_name = d.partition_name)
        union all
        select 5, starts, partition_name, format('select postrider.begin_drop(%L)', partition_name)
          from partitions p join retention_settings s using (table_name)
         where p.until <= clock_timestamp() - greatest(s.keep_days * interval '1 day', longest_redelivery_window()) and s.keep_days is not null
           and not exists (select from partition_drops d where d.partition_name = p.partition_name)
           and (table_name not in ('accepted_log', 'task_history') or books_cover(p.until))
    ) steps
     where subject <> all (passed_over) order by step, since, subject limit 1;
end $$;
comment on function postrider.next_retention_step is 'The next statement of the routine that makes and drops partitions, and what it is about; no row when nothing is left to do.';

create or replace function postrider.end_drop(partition_name text) returns void
    language plpgsql set search_path = postrider, pg_temp as $$
begin
    execute format('drop table if exists postrider.%I', end_drop.partition_name); -- somebody may have dropped it by hand
    perform dropped(end_drop.partition_name);
end $$;
comment on function postrider.end_drop is 'Drops a partition that was detached, and records it, in one transaction.';

revoke execute on function postrider.period_start, postrider.period_after, postrider.make_partition, postrider.make_partitions,
    postrider.ensure_partitions, postrider.require_partitions, postrider.next_retention_step, postrider.end_drop from public;
grant execute on function postrider.ensure_partitions to postrider_dispatcher, postrider_engine;
grant execute on function postrider.require_partitions to postrider_engine;
