-- The event log, and how partitioned tables get their partitions.

create table postrider.system_events (
    event_id     uuid        not null default postrider.new_id(),
    workspace_id uuid        not null,
    occurred_at  timestamptz not null default now(),
    category     text        not null default 'audit' check (category in ('event', 'audit')),
    event_type   text        not null check (char_length(event_type) between 1 and 200),
    actor        text,
    payload      jsonb       not null default '{}',
    primary key (workspace_id, event_id, occurred_at)
) partition by range (occurred_at);
comment on table postrider.system_events is 'What happened: published events, and the audit trail. Append-only, partitioned by month.';
comment on column postrider.system_events.event_id is 'The id; of a published event also its webhook-id.';
comment on column postrider.system_events.workspace_id is 'Whose event; the nil UUID for what concerns no workspace.';
comment on column postrider.system_events.occurred_at is 'When it happened; reads always give a range of it, so that partitions are pruned.';
comment on column postrider.system_events.category is 'event: published by the team''s application; audit: what Postrider or an operator did.';
comment on column postrider.system_events.event_type is 'Dotted and lower case, such as invoice.paid or dead-letter.replayed.';
comment on column postrider.system_events.actor is 'Who did it: the setting app.actor of the transaction.';
comment on column postrider.system_events.payload is 'The event''s data; for the audit trail what, why, before and after.';
create index system_events_time on postrider.system_events using brin (occurred_at);
select postrider.enforce_isolation('postrider.system_events', '{postrider_operator,postrider_analyst}');
grant select on postrider.system_events to postrider_tenant;
grant insert on postrider.system_events to postrider_engine;

-- A partition is created LIKE its parent, protected, and then attached: a lighter lock than CREATE … PARTITION OF.
-- It gets the parent's policies and no grants, so that naming it directly yields nothing.
create function postrider.ensure_partition(parent regclass, month date) returns boolean language plpgsql as $$
declare
    name constant text := format('%s_%s', (select relname from pg_class where oid = parent), to_char(month, 'YYYY_MM'));
    policy record;
begin
    if to_regclass(format('postrider.%I', name)) is not null then
        return false;
    end if;
    execute format('create table postrider.%I (like %s including all)', name, parent);
    execute format('alter table postrider.%I enable row level security', name);
    execute format('alter table postrider.%I force row level security', name);
    for policy in select p.* from pg_policies p join pg_class c on c.relname = p.tablename and c.oid = parent
                  where p.schemaname = 'postrider' loop
        execute format('create policy %I on postrider.%I for %s to %s using (%s) %s', policy.policyname, name, policy.cmd,
                       (select string_agg(quote_ident(r), ', ') from unnest(policy.roles) r), policy.qual,
                       case when policy.with_check is not null then format('with check (%s)', policy.with_check) end);
    end loop;
    execute format('alter table %s attach partition postrider.%I for values from (%L) to (%L)', parent, name,
                   month::timestamp at time zone 'UTC', (month + interval '1 month')::timestamp at time zone 'UTC');
    return true;
end $$;
comment on function postrider.ensure_partition is 'Makes one month''s partition of a table if it is missing; true if it was made.';

-- SECURITY DEFINER: making a table in the schema is the owner's right; the caller chooses nothing.
create function postrider.ensure_partitions() returns int
    language plpgsql security definer set search_path = postrider, pg_temp as $$
declare
    made int := 0;
    parent regclass;
    month date;
begin
    perform pg_advisory_xact_lock(hashtextextended('postrider.ensure_partitions', 0));
    for parent in select p.partrelid::regclass from pg_partitioned_table p join pg_class c on c.oid = p.partrelid
                  where c.relnamespace = 'postrider'::regnamespace loop
        for month in select date_trunc('month', now() at time zone 'UTC')::date + make_interval(months => n)
                     from generate_series(0, 3) n loop
            made := made + postrider.ensure_partition(parent, month)::int;
        end loop;
    end loop;
    return made;
end $$;
comment on function postrider.ensure_partitions is 'Makes the partitions of this month and the next three, of every partitioned table; returns how many were missing.';
revoke execute on all functions in schema postrider from public;
grant execute on function postrider.ensure_partitions to postrider_dispatcher;
