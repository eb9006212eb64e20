-- How long partitions are kept, whose rows are kept longer, and what is recorded when one is dropped.
set local role postrider_engine;
-- Migrations run with row_security off, so that a forgotten backfill fails; a function's body is only rewritten here.
set local row_security = on;

-- Of each declared task type and of each endpoint, the most that its policy can take: every delay as long as the longest. A
-- policy without an end has none that could be kept.
create or replace function postrider.longest_redelivery_window() returns interval
    language sql stable security definer set search_path = postrider, pg_temp as $$
    select coalesce(max(milliseconds), 0) * interval '1 ms'
      from (select case when maximum_redelivery_window >= 0 then maximum_redelivery_window
                        when maximum_redeliveries > 0 then maximum_redeliveries::float8 * greatest(maximum_redelivery_delay, redelivery_delay) end as milliseconds
              from task_types
            union all
            select case when (p ->> 'maximumRedeliveryWindow')::float8 >= 0 then (p ->> 'maximumRedeliveryWindow')::float8
                        else coalesce((p ->> 'maximumRedeliveries')::float8, 9) * coalesce((p ->> 'maximumRedeliveryDelay')::float8, 86400000) end
              from (select redelivery_policy as p from webhook_endpoints where redelivery_policy <> '{}' and deleted_at is null) e) windows
     where milliseconds > 0 and milliseconds < 36500 * 86400000.0
$$;
comment on function postrider.longest_redelivery_window is 'How long the redelivery policies of task types and endpoints may take: nothing younger is dropped. Definer: policies stand in all workspaces, and no row is shown.';

-- Whoever finds a partition recorded here goes on with its drop, so that held rows are copied once.
create or replace function postrider.begin_drop(partition_name text) returns void
    language plpgsql security definer set search_path = postrider, pg_temp as $$
#variable_conflict use_column
declare
    part partitions;
    moment_column name;
    held bigint := 0;
begin
    select * into strict part from partitions p where p.partition_name = begin_drop.partition_name;
    select attname into moment_column
      from pg_partitioned_table t join pg_attribute a on a.attrelid = t.partrelid and a.attnum = t.partattrs[0]
     where t.partrelid = format('postrider.%I', part.table_name)::regclass;
    if exists (select from retention_holds) then
        execute format('insert into held_rows (workspace_id, table_name, row_time, held_row)
                        select workspace_id, %1$L, %2$I, to_jsonb(t) from %3$I t
                         where %2$I >= $1 and %2$I < $2 and workspace_id in (select workspace_id from retention_holds)',
                       part.table_name, moment_column, part.table_name) using part.starts, part.until;
        get diagnostics held = row_count;
    end if;
    insert into partition_drops (partition_name, table_name, starts, until, rows_held)
    values (part.partition_name, part.table_name, part.starts, part.until, held);
    update retention_settings set made_from = part.until
     where table_name = part.table_name and made_from < part.until;
end $$;
comment on function postrider.begin_drop is 'Records that a partition is to be dropped, and copies what is under a hold. Definer: a partition has rows of all workspaces.';

create or replace function postrider.dropped(partition_name text) returns void
    language plpgsql security definer set search_path = postrider, pg_temp as $$
#variable_conflict use_column
declare
    gone partition_drops;
begin
    update partition_drops d set dropped_at = clock_timestamp()
     where d.partition_name = dropped.partition_name and dropped_at is null returning * into gone;
    if found then
        perform require_partitions();
        insert into system_events (workspace_id, event_type, actor, payload)
        select '00000000-0000-0000-0000-000000000000', 'retention.dropped', 'engine', jsonb_build_object(
               'table', gone.table_name, 'partition', gone.partition_name, 'from', utc(gone.starts), 'to', utc(gone.until),
               'rowsHeld', gone.rows_held, 'keepDays', keep_days)
          from retention_settings where table_name = gone.table_name;
    end if;
end $$;
comment on function postrider.dropped is 'Records and audits that a partition is gone. Definer: concerns no workspace.';

create or replace function postrider.made_late() returns void
    language sql security definer set search_path = postrider, pg_temp
begin atomic
    insert into postrider.system_events (workspace_id, event_type, actor, payload)
    values ('00000000-0000-0000-0000-000000000000', 'partitions.made-late', 'engine', jsonb_build_object(
            'reason', 'an insert found no partition for now: the routine that makes them ahead has not run'));
end;
comment on function postrider.made_late is 'Audits that an insert had to make its partition. Definer: concerns no workspace.';

create or replace function postrider.retention_checked() returns void
    language sql security definer set search_path = postrider, pg_temp
begin atomic
    update postrider.retention_settings set checked_at = clock_timestamp();
end;
comment on function postrider.retention_checked is 'Says that the routine found nothing left to do. Definer: concerns no workspace.';

-- Days, so that nobody drops a century by a wrong unit; null keeps for ever.
create or replace function postrider.set_retention(
    table_name text, keep_days int, reason text, partition_by text default null, ahead int default null
) returns void language plpgsql security definer set search_path = postrider, pg_temp as $$
#variable_conflict use_column
declare
    before retention_settings;
    after retention_settings;
    needed constant interval := longest_redelivery_window();
begin
    select * into before from retention_settings s where s.table_name = set_retention.table_name for update;
    if not found then
        raise sqlstate 'PR404' using
            message = format('%s is no partitioned table', set_retention.table_name),
            hint = (select string_agg(table_name, ', ' order by table_name) from retention_settings);
    end if;
    if set_retention.keep_days < 1 or set_retention.keep_days > 36500 then
        raise sqlstate 'PR400' using
            message = format('keepDays has to be 1 to 36500, and not %s; null keeps for ever', set_retention.keep_days);
    end if;
    if set_retention.keep_days * interval '1 day' < needed then
        raise sqlstate 'PR400' using
            message = format('keepDays %s is less than the %s days for which some redelivery policy tries again: what is tried then would be gone',
                             set_retention.keep_days, ceil(extract(epoch from needed) / 86400)),
            hint = 'Keep longer, or make the redelivery policies shorter.';
    end if;
    if set_retention.partition_by not in ('day', 'month') then
        raise sqlstate 'PR400' using message = format('partitionBy has to be day or month, and not %s', set_retention.partition_by);
    end if;
    if set_retention.ahead < 1 or set_retention.ahead > 366 then
        raise sqlstate 'PR400' using message = format('ahead has to be 1 to 366 partitions, and not %s', set_retention.ahead);
    end if;
    update retention_settings s
       set keep_days = set_retention.keep_days, partition_by = coalesce(set_retention.partition_by, s.partition_by),
           ahead = coalesce(set_retention.ahead, s.ahead)
     where s.table_name = set_retention.table_name returning * into after;
    perform audit_in('00000000-0000-0000-0000-000000000000', 'retention.changed', jsonb_build_object(
        'table', set_retention.table_name, 'reason', required_reason(set_retention.reason),
        'before', jsonb_build_object('keepDays', before.keep_days, 'partitionBy', before.partition_by, 'ahead', before.ahead),
        'after', jsonb_build_object('keepDays', after.keep_days, 'partitionBy', after.partition_by, 'ahead', after.ahead)));
end $$;
comment on function postrider.set_retention is 'Sets how long the partitions of a table are kept (null: for ever), and how they are made; audited. Refuses less than redelivery policies need. Definer: concerns no workspace.';

create or replace function postrider.hold_workspace(workspace_id uuid, reason text) returns void
    language plpgsql security definer set search_path = postrider, pg_temp as $$
#variable_conflict use_column
begin
    if not exists (select from workspaces w where w.workspace_id = hold_workspace.workspace_id) then
        raise sqlstate 'PR404' using message = format('workspace %s does not exist', hold_workspace.workspace_id);
    end if;
    insert into retention_holds (workspace_id, reason, actor)
    values (hold_workspace.workspace_id, required_reason(hold_workspace.reason), coalesce(nullif(current_setting('app.actor', true), ''), session_user))
    on conflict do nothing;
    if not found then
        raise sqlstate 'PR409' using message = format('workspace %s is under a hold already', hold_workspace.workspace_id);
    end if;
    perform audit_in(hold_workspace.workspace_id, 'retention.held', jsonb_build_object('reason', hold_workspace.reason));
end $$;
comment on function postrider.hold_workspace is 'Keeps the rows of a workspace when partitions are dropped; audited. Definer: the workspace is not the active one.';

create or replace function postrider.release_workspace(workspace_id uuid, reason text) returns void
    language plpgsql security definer set search_path = postrider, pg_temp as $$
#variable_conflict use_column
begin
    delete from retention_holds h where h.workspace_id = release_workspace.workspace_id;
    if not found then
        raise sqlstate 'PR404' using message = format('workspace %s is under no hold', release_workspace.workspace_id);
    end if;
    perform audit_in(release_workspace.workspace_id, 'retention.released',
                     jsonb_build_object('reason', required_reason(release_workspace.reason)));
end $$;
comment on function postrider.release_workspace is 'Ends the hold of a workspace; what was copied under it stays. Audited. Definer: the workspace is not the active one.';

create or replace function postrider.retention_state() returns table (ahead double precision, unchecked double precision)
    language sql stable security definer set search_path = postrider, pg_temp as $$
    select min(extract(epoch from made_until - clock_timestamp())), max(extract(epoch from clock_timestamp() - checked_at))
      from retention_settings
$$;
comment on function postrider.retention_state is 'Seconds until the first table has no partition any more, and since the routine last found nothing left to do. Definer: concerns no workspace.';

revoke execute on function postrider.longest_redelivery_window, postrider.begin_drop, postrider.dropped, postrider.made_late,
    postrider.retention_checked, postrider.set_retention, postrider.hold_workspace, postrider.release_workspace,
    postrider.retention_state from public;
grant execute on function postrider.longest_redelivery_window, postrider.begin_drop, postrider.dropped, postrider.made_late,
    postrider.retention_checked to postrider_owner;
grant execute on function postrider.set_retention, postrider.hold_workspace, postrider.release_workspace to postrider_operator;
grant execute on function postrider.retention_state to postrider_dispatcher;
set local role postrider_owner;
