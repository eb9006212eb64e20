-- What is wrong with a login as a member of one of Postrider's groups: nothing, or one row per fault, and what to write.
-- Parameters: the group, and the login, or an empty text for the one of this connection. Whatever it is a member of
-- counts, in any way: who may give himself a role has it. The remedy revokes the first step on the way there.
with recursive login as (
    select oid, rolname as login, ?::name as own_group from pg_catalog.pg_roles
     where rolname = coalesce(nullif(?, ''), current_user)
), held (oid, revoke) as (
    select oid, null::text from login
    union
    select m.roleid,
           case when r.rolname in (l.login, l.own_group)
                then format('revoke %s from %s', m.roleid::regrole, r.oid::regrole) else h.revoke end
      from login l, held h
      join pg_catalog.pg_roles r on r.oid = h.oid
      join pg_catalog.pg_auth_members m on m.member = h.oid
), roles as (
    select l.login, l.own_group, r.rolname as role, r.rolsuper, r.rolbypassrls or r.rolreplication as bypasses,
           case when r.oid <> l.oid then ' as ' || r.rolname else '' end as by_way, held.revoke
      from login l, held join pg_catalog.pg_roles r using (oid)
)
select login, format('is not a member of %s', own_group) as fault, format('grant %I to %I', own_group, login) as remedy
  from login
 where not pg_catalog.pg_has_role(login, own_group, 'usage')
union all
select login, format('is a superuser%s, whom no policy binds', by_way),
       coalesce(revoke, format('alter role %I nosuperuser', login))
  from roles where rolsuper
union all
select login, format('bypasses policies%s', by_way),
       coalesce(revoke, format('alter role %I nobypassrls noreplication', login))
  from roles where bypasses
union all
select login, format('is also a member of %s', role), revoke
  from roles
 where role <> own_group
   and (role in ('postrider_owner', 'postrider_engine', 'postrider_dispatcher', 'postrider_tenant',
                 'postrider_producer', 'postrider_operator', 'postrider_analyst') or role like 'pg\_%')
   -- To make the engine's functions a migration switches to the engine; it must not inherit from it.
   and not (own_group = 'postrider_owner' and role = 'postrider_engine'
            and not pg_catalog.pg_has_role(login, 'postrider_engine', 'usage'))
