-- The roles of Postrider, made by a login that may create roles; safe to run again. Groups cannot log in; each login
-- is a member of exactly one group, because permissive policies are OR-ed and follow inherited membership.
-- ${…} are filled in by the application at start; fill them in by hand where a DBA prepares the database.
do $$
declare
    name text;
begin
    -- Roles belong to the whole cluster: two nodes, or two databases, may be doing this at the same time.
    perform pg_advisory_xact_lock(7077350513414132583);
    foreach name in array array ['owner', 'engine', 'dispatcher', 'tenant', 'producer', 'operator', 'analyst'] loop
        if not exists (select from pg_roles where rolname = 'postrider_' || name) then
            execute format('create role %I nologin', 'postrider_' || name);
        end if;
    end loop;
    foreach name in array array ['owner', 'dispatcher', 'tenant', 'operator', 'analyst'] loop
        if not exists (select from pg_roles where rolname = 'postrider_' || name || '_login') then
            execute format('create role %I login', 'postrider_' || name || '_login');
            execute format('grant %I to %I', 'postrider_' || name, 'postrider_' || name || '_login');
        end if;
        -- Temporary tables last: unnamed they come first, and one that a handler left in a pooled session would hide ours.
        -- A path that somebody has set for his own schemas stays.
        if not exists (select from pg_roles r, unnest(rolconfig) setting
                        where rolname = 'postrider_' || name || '_login' and setting like 'search_path=%'
                          and setting <> 'search_path=postrider, pg_catalog') then
            execute format('alter role %I set search_path = postrider, pg_catalog, pg_temp', 'postrider_' || name || '_login');
        end if;
    end loop;
end $$;

alter role postrider_owner_login password '${owner_password}';
alter role postrider_dispatcher_login password '${dispatcher_password}';
alter role postrider_tenant_login password '${tenant_password}';
alter role postrider_operator_login password '${operator_password}';
alter role postrider_analyst_login password '${analyst_password}';

do $$
begin
    execute format('grant create, connect on database %I to postrider_owner', current_database());
end $$;
