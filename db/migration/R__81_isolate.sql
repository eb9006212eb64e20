-- isolate(): a team's own table gets the isolation of ours. It runs with the rights of its caller, who owns the table.
-- Migrations run with row_security off, so that a forgotten backfill fails; a function's body is only rewritten here.
set local row_security = on;

create or replace function postrider.isolate(table_name regclass) returns void
    language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
    part record;
    breach record;
begin
    for part in select oid, oid::regclass as name, relkind, relpersistence, relispartition and oid = table_name as alone,
                       relnamespace::regnamespace as schema
                  from pg_class
                 where oid = table_name or oid in (select relid from pg_partition_tree(table_name)) loop
        if part.relkind not in ('r', 'p') or part.relpersistence = 't' then
            raise sqlstate 'PR400' using
                message = format('%s is %s, which policies cannot protect', part.name,
                                 case when part.relpersistence = 't' then 'a temporary table'
                                      when part.relkind = 'f' then 'a foreign table'
                                      when part.relkind in ('v', 'm') then 'a view' else 'no table' end),
                hint = 'Isolate the ordinary or partitioned tables; views on them want "with (security_invoker = true)".';
        elsif part.alone then
            raise sqlstate 'PR400' using
                message = format('%s is a partition, and would be read through its parent', part.name),
                hint = 'Isolate the partitioned table: that covers all its partitions.';
        elsif not exists (select from pg_attribute where attrelid = part.oid and attname = 'workspace_id'
                          and atttypid = 'uuid'::regtype and attnotnull and not attisdropped) then
            raise sqlstate 'PR400' using
                message = format('%s has no column "workspace_id uuid not null"', part.name),
                hint = 'Add the column, then call isolate again.';
        end if;
        perform postrider.enforce_isolation(part.name, array ['postrider_analyst']);
    end loop;
    execute format('grant select, insert, update, delete on %s to postrider_tenant, postrider_producer', table_name);
    if not (has_schema_privilege('postrider_tenant', part.schema, 'usage')
            and has_schema_privilege('postrider_producer', part.schema, 'usage')) then
        raise warning 'handlers and applications cannot reach %', table_name using
            hint = format('grant usage on schema %s to postrider_tenant, postrider_producer, postrider_analyst', part.schema);
    end if;
    for breach in select b.* from postrider.isolation_breaches b
                    join pg_class c on format('%I.%I', c.relnamespace::regnamespace, c.relname) = b.object
                   where c.oid = table_name or c.oid in (select relid from pg_partition_tree(table_name)) loop
        raise warning '%: %', breach.object, breach.breach using hint = breach.remedy;
    end loop;
    if not exists (select from pg_index i join pg_attribute a on a.attrelid = i.indrelid and a.attnum = i.indkey[0]
                   where i.indrelid = table_name and a.attname = 'workspace_id') then
        raise notice '% has no index that starts with workspace_id: every query of a workspace reads the whole table', table_name;
    end if;
end $$;
comment on function postrider.isolate is
    'Gives a team''s own table, and its partitions, the isolation of Postrider''s tables: policies, FORCE, and the grants of handlers and applications. The caller owns the table; called again it changes nothing, and covers new partitions.';
revoke execute on function postrider.isolate from public;
grant execute on function postrider.isolate to postrider_producer;
