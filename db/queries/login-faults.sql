-- What is wrong with the login of this connection as a member of one of Postrider's groups (?): nothing, or one row per
-- fault, and what to write. Whatever it is a member of counts, in any way: who may give himself a role has it.
with recursive login as (
    select oid, rolname, ?::name as own_group from pg_catalog.pg_roles where rolname = current_user
), held (oid) as (
    select oid from login
    union
    select m.roleid from held h join pg_catalog.pg_auth_members m on m.member = h.oid
), roles as (
    select r.* from held join pg_catalog.pg_roles r using (oid)
)
select rolname as login, format('is not a member of %s', own_group) as fault, format('grant %I to %I', own_group, rolname) as remedy
  from login
 where not pg_catalog.pg_has_role(rolname, own_group, 'usage')
union all
select l.rolname, format('is a superuser%s, whom no policy binds', case when r.oid <> l.oid then ' as ' || r.rolname else '' end),
       case when r.oid = l.oid then format('alter role %I nosuperuser', l.rolname) else format('revoke %I from %I', r.rolname, l.rolname) end
  from login l, roles r where r.rolsuper
union all
select l.rolname, format('bypasses policies%s', case when r.oid <> l.oid then ' as ' || r.rolname else '' end),
       case when r.oid = l.oid then format('alter role %I nobypassrls noreplication', l.rolname) else format('revoke %I from %I', r.rolname, l.rolname) end
  from login l, roles r where r.rolbypassrls or r.rolreplication
union all
select l.rolname, format('is also a member of %s', r.rolname), format('revoke %I from %I', r.rolname, l.rolname)
  from login l, roles r
 where r.rolname <> l.own_group
   and (r.rolname in ('postrider_owner', 'postrider_engine', 'postrider_dispatcher', 'postrider_tenant',
                      'postrider_producer', 'postrider_operator', 'postrider_analyst') or r.rolname like 'pg\_%')
   -- To make the engine's functions a migration switches to the engine; it must not inherit from it.
   and not (l.own_group = 'postrider_owner' and r.rolname = 'postrider_engine'
            and not pg_catalog.pg_has_role(l.rolname, r.oid, 'usage'))
