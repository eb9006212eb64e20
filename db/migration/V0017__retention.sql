-- How partitions are made ahead and dropped, whose rows are kept when they are, and what was dropped.

create table postrider.retention_settings (
    table_name   text        primary key,
    partition_by text        not null default 'month' check (partition_by in ('day', 'month')),
    ahead        int         not null default 3 check (ahead between 1 and 366),
    keep_days    int         default 400 check (keep_days between 1 and 36500),
    made_from    timestamptz,
    made_until   timestamptz,
    checked_at   timestamptz
);
comment on table postrider.retention_settings is 'Each partitioned table, its partitions, and how long they are kept. Across workspaces: a partition holds rows of all of them.';
comment on column postrider.retention_settings.table_name is 'The table.';
comment on column postrider.retention_settings.partition_by is 'day or month, in UTC: what one of the partitions that are made from now on covers.';
comment on column postrider.retention_settings.ahead is 'How many partitions are there after the one of now.';
comment on column postrider.retention_settings.keep_days is 'A partition is dropped when its last moment is older than so many days; null: never.';
comment on column postrider.retention_settings.made_from is 'Partitions without a gap begin here; null: none was made yet.';
comment on column postrider.retention_settings.made_until is 'They end here: an insert after that makes them first.';
comment on column postrider.retention_settings.checked_at is 'When the routine last found nothing left to do.';
insert into postrider.retention_settings (table_name)
select relname from pg_class where relnamespace = 'postrider'::regnamespace and relkind = 'p';
grant select, update on postrider.retention_settings to postrider_engine;
grant select on postrider.retention_settings to postrider_operator;

create table postrider.partition_drops (
    partition_name text        primary key,
    table_name     text        not null references postrider.retention_settings,
    starts         timestamptz not null,
    until          timestamptz not null,
    rows_held      bigint      not null,
    begun_at       timestamptz not null default clock_timestamp(),
    dropped_at     timestamptz
);
comment on table postrider.partition_drops is 'The partitions that retention has dropped or is dropping. Across workspaces: a partition holds rows of all of them.';
comment on column postrider.partition_drops.partition_name is 'The partition.';
comment on column postrider.partition_drops.table_name is 'Of which table.';
comment on column postrider.partition_drops.starts is 'Its first moment.';
comment on column postrider.partition_drops.until is 'The first moment after it.';
comment on column postrider.partition_drops.rows_held is 'How many of its rows were copied to held_rows.';
comment on column postrider.partition_drops.begun_at is 'When it was to be dropped; whoever finds it unfinished goes on.';
comment on column postrider.partition_drops.dropped_at is 'When it was gone; null: it is still there.';
grant select, insert, update on postrider.partition_drops to postrider_engine;
grant select on postrider.partition_drops to postrider_operator;

create table postrider.retention_holds (
    workspace_id uuid        primary key,
    reason       text        not null check (char_length(reason) between 1 and 500),
    actor        text        not null,
    held_at      timestamptz not null default now()
);
comment on table postrider.retention_holds is 'The workspaces whose rows are kept when partitions are dropped, for a lawyer or an auditor.';
comment on column postrider.retention_holds.workspace_id is 'The workspace.';
comment on column postrider.retention_holds.reason is 'Why.';
comment on column postrider.retention_holds.actor is 'Who asked for it.';
comment on column postrider.retention_holds.held_at is 'Since when.';
select postrider.enforce_isolation('postrider.retention_holds', '{postrider_operator}');
grant select, insert, delete on postrider.retention_holds to postrider_engine;

create table postrider.held_rows (
    workspace_id uuid        not null,
    table_name   text        not null,
    row_time     timestamptz not null,
    held_row_id  uuid        not null default postrider.new_id(),
    held_row     jsonb       not null,
    primary key (workspace_id, table_name, row_time, held_row_id)
);
comment on table postrider.held_rows is 'Rows of workspaces under a hold, from partitions that were dropped since.';
comment on column postrider.held_rows.workspace_id is 'Whose row.';
comment on column postrider.held_rows.table_name is 'The table that it was in.';
comment on column postrider.held_rows.row_time is 'Its time there, by which the table is partitioned.';
comment on column postrider.held_rows.held_row_id is 'An id, since one moment may have many rows.';
comment on column postrider.held_rows.held_row is 'The row by column names.';
select postrider.enforce_isolation('postrider.held_rows', '{postrider_operator,postrider_analyst}');
grant select on postrider.held_rows to postrider_tenant;
grant select, insert on postrider.held_rows to postrider_engine;
grant select on postrider.inbound_receipts to postrider_engine;

-- The audit trail is only added to, by its owner as well: what is erased is blanked by one function of the engine. New
-- partitions are made like that.
revoke update, delete, truncate on postrider.system_events from postrider_owner;
do $$
declare
    part regclass;
begin
    for part in select inhrelid::regclass from pg_inherits where inhparent = 'postrider.system_events'::regclass loop
        execute format('revoke update, delete, truncate on %s from postrider_owner', part);
    end loop;
end $$;

-- Partitions are made by R__05_partitions.sql from here on.
drop function postrider.ensure_partitions();
drop function postrider.ensure_partition(regclass, date);
