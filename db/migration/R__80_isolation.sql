-- The rule of isolation, as one query that the tests, every start and anybody in psql use.
set local row_security = on;

-- Reads the system catalogs alone, one select per rule.
-- members: our groups, and whoever can act as one of them; who may only administer a group, as its creator may, cannot.
-- holders: members, and the roles that they are members of. callers: PUBLIC, and the holders of what tenants,
-- applications and nodes may do. guarded: every table with a workspace_id that is ours or that callers can reach, in any
-- schema, and all of its partitions.
-- An exception gives its reason in the object's comment, behind "Across workspaces: ", and a function that runs with its
-- owner's rights behind "Definer: ".
create or replace view postrider.isolation_breaches with (security_invoker = true) as
with recursive groups as (
    select oid, rolname as name from pg_roles
     where rolname in ('postrider_owner', 'postrider_engine', 'postrider_dispatcher', 'postrider_tenant',
                       'postrider_producer', 'postrider_operator', 'postrider_analyst')
), id as (
    select max(oid) filter (where name = 'postrider_owner') as owner,
           max(oid) filter (where name = 'postrider_engine') as engine,
           max(oid) filter (where name = 'postrider_dispatcher') as dispatcher,
           max(oid) filter (where name = 'postrider_tenant') as tenant,
           max(oid) filter (where name = 'postrider_producer') as producer,
           max(oid) filter (where name = 'postrider_operator') as operator,
           max(oid) filter (where name = 'postrider_analyst') as analyst
      from groups
), members (oid, belongs_to) as (
    select oid, oid from groups
    union
    select m.member, g.belongs_to from members g
      join pg_auth_members m on m.roleid = g.oid and (m.inherit_option or m.set_option)
), held (oid, first, role) as ( -- in any way: who may give himself a role has it
    select member, roleid, roleid from pg_auth_members
     where member in (select oid from members) and roleid not in (select oid from members)
    union
    select h.oid, h.first, m.roleid from held h join pg_auth_members m on m.member = h.role
), holders (oid, belongs_to) as (
    select oid, belongs_to from members union select h.role, m.belongs_to from held h join members m using (oid)
), callers (oid) as (
    select 0::oid as oid union select h.oid from holders h, id where h.belongs_to = any (array [id.tenant, id.producer, id.dispatcher])
), grantees (oid, name) as (
    select 0::oid as oid, 'PUBLIC' as name union select h.oid, h.oid::regrole::text from holders h, id where h.belongs_to <> id.owner
), grants as (
    select c.oid as relation, null::name as column_name, a.* from pg_class c, aclexplode(c.relacl) a
     where a.grantee <> c.relowner
    union all
    select c.oid, t.attname, a.* from pg_class c join pg_attribute t on t.attrelid = c.oid, aclexplode(t.attacl) a
     where a.grantee <> c.relowner
), relations as (
    select c.oid, c.relkind as kind, c.relowner as owner, c.relispartition as is_partition, c.relrowsecurity as enabled,
           c.relforcerowsecurity as forced, c.reloptions as options, n.nspname = 'postrider' as ours,
           format('%I.%I', n.nspname, c.relname) as name, w.attnum as workspace,
           coalesce(obj_description(c.oid, 'pg_class') like '%Across workspaces: %', false) as excused,
           case when n.nspname = 'postrider' then format('select postrider.enforce_isolation(%L)', c.oid::regclass)
                else format('select postrider.isolate(%L)', coalesce(pg_partition_root(c.oid), c.oid)::regclass)
           end as remedy,
           c.oid in (select relation from grants where grantee in (select oid from callers))
           -- Teams make their tables as members of postrider_producer: owning one is no grant yet.
               or c.relowner in (select m.oid from id, members m
                                  where m.belongs_to = any (array [id.tenant, id.dispatcher]) or m.oid = id.producer) as reachable
      from pg_class c
      join pg_namespace n on n.oid = c.relnamespace
      left join pg_attribute w on w.attrelid = c.oid and w.attname = 'workspace_id' and not w.attisdropped
     where c.relkind in ('r', 'p', 'f', 'v', 'm', 'S') and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
), guarded as (
    select * from relations where kind in ('r', 'p', 'f') and workspace is not null and (ours or reachable)
    union
    select r.* from guarded g join pg_inherits i on i.inhparent = g.oid join relations r on r.oid = i.inhrelid
), functions as (
    select p.oid, p.proowner as owner, p.prosecdef as definer, p.proleakproof, p.proconfig as settings,
           p.provolatile = 'i' as immutable, n.nspname = 'postrider' as ours,
           coalesce(obj_description(p.oid, 'pg_proc'), '') as comment, granted.to as granted_to,
           format('function %I.%I(%s)', n.nspname, p.proname, pg_get_function_identity_arguments(p.oid)) as name,
           granted.to && array (select oid from callers)
               or p.oid in (select t.tgfoid from pg_trigger t join guarded g on g.oid = t.tgrelid) as reachable
      from pg_proc p
      join pg_namespace n on n.oid = p.pronamespace
     cross join lateral (select array_agg(a.grantee) as to
                           from aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
                          where a.grantee <> p.proowner) granted
     where n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
       and not exists (select from pg_depend where classid = 'pg_proc'::regclass and objid = p.oid and deptype = 'e')
), built_on_workspaces (oid) as (
    select oid from relations where workspace is not null
    union
    select w.ev_class from pg_rewrite w -- a materialized view holds what a function returned to its owner
      join pg_depend d on d.classid = 'pg_rewrite'::regclass and d.objid = w.oid and d.refclassid = 'pg_proc'::regclass
      join functions f on f.oid = d.refobjid and not f.immutable
      join relations r on r.oid = w.ev_class and r.kind = 'm'
    union
    select w.ev_class from built_on_workspaces b
      join pg_depend d on d.refclassid = 'pg_class'::regclass and d.refobjid = b.oid and d.classid = 'pg_rewrite'::regclass
      join pg_rewrite w on w.oid = d.objid
), policies as (
    select p.polrelid as relation, p.polname as name, p.polcmd as command, p.polroles as roles,
           pg_get_expr(p.polqual, p.polrelid) as visible, pg_get_expr(p.polwithcheck, p.polrelid) as writable
      from pg_policy p where p.polpermissive
), sorted_policies as (
    select relation, array_agg((name, command, in_order, visible, writable)::text order by name) as all_of_them
      from policies, lateral (select array_agg(role order by role) as in_order from unnest(roles) role) r
     group by relation
), own_policies as (
    select p.relation, p.name from id, policies p join guarded g on g.oid = p.relation
     where p.command = '*' and p.visible = postrider.isolation_rule() and p.writable = postrider.isolation_rule()
       and p.roles @> array [id.tenant, id.producer, g.owner]
       and p.roles <@ array [id.tenant, id.producer, g.owner, id.owner]
), engine_policies as (
    select relation, name from id, policies
     where command = '*' and visible = 'true' and writable = 'true' and roles = array [id.engine]
), reader_policies as (
    select relation, name, roles[1] as reader from id, policies
     where command = 'r' and visible = 'true' and roles in (array [id.operator], array [id.analyst])
)
-- Tables and their partitions.
select name as object, 'row-level security is not enabled' as breach, remedy
  from guarded where not enabled and kind <> 'f'
union all
select name, 'row-level security is not forced, so its owner sees all', remedy
  from guarded where not forced and kind <> 'f'
union all
select name, 'is a foreign table, which policies cannot protect',
       format('revoke all on %s from the groups of Postrider', name)
  from guarded where kind = 'f'
union all
select name, 'has no policy of the active workspace, with the sub-select, for tenant, producer and its owner', remedy
  from guarded g where kind <> 'f' and not exists (select from own_policies o where o.relation = g.oid)
union all
select name, 'has no policy for the engine', remedy
  from guarded g where ours and not exists (select from engine_policies e where e.relation = g.oid)
union all
select g.name, format('its policy %I is of no known kind, and permissive policies are OR-ed', p.name),
       format('drop policy %I on %s', p.name, g.name)
  from guarded g join policies p on p.relation = g.oid
 where (p.relation, p.name) not in (select relation, name from own_policies)
   and (p.relation, p.name) not in (select relation, name from engine_policies)
   and (p.relation, p.name) not in (select relation, name from reader_policies)
union all
select g.name, format('%s may read it, but has no policy and sees nothing', r.name),
       format('revoke all on %s from %I; or give the policy', g.name, r.name)
  from guarded g join groups r on r.name in ('postrider_operator', 'postrider_analyst')
 where not g.is_partition and has_any_column_privilege(r.oid, g.oid, 'select')
   and not exists (select from reader_policies p where p.relation = g.oid and p.reader = r.oid)
union all
select child.name, format('is a partition whose policies differ from those of %s', parent.name),
       case when child.ours then format('select postrider.enforce_isolation(%L, %L)', child.name,
           array (select reader::regrole from reader_policies where relation = parent.oid)) else child.remedy end
  from guarded child join pg_inherits i on i.inhrelid = child.oid and child.is_partition
  join guarded parent on parent.oid = i.inhparent
  left join sorted_policies c on c.relation = child.oid
  left join sorted_policies p on p.relation = parent.oid
 where c.all_of_them is distinct from p.all_of_them
union all
select g.name, format('%s has %s on %s', r.name, lower(a.privilege_type),
                      case when g.is_partition then 'a partition, which is read through its parent'
                           when a.is_grantable then 'it, and may grant that on'
                           else 'it: policies do not apply to that' end),
       format('revoke %s on %s from %s', a.privilege_type, g.name, r.name)
  from guarded g join grants a on a.relation = g.oid and a.column_name is null join grantees r on r.oid = a.grantee
 where g.is_partition or a.is_grantable or a.grantee = 0
    or a.privilege_type not in ('SELECT', 'INSERT', 'UPDATE', 'DELETE')
union all
select g.name, format('%s has privileges on single columns, which hides who may do what', r.name),
       format('revoke all (%I) on %s from %s', a.column_name, g.name, r.name)
  from guarded g join grants a on a.relation = g.oid and a.column_name is not null join grantees r on r.oid = a.grantee
union all
select g.name, format('the unique index %s does not begin with workspace_id: a conflict tells what another workspace has',
                      x.indexrelid::regclass),
       format('begin it with workspace_id, or write the reason: comment on index %s is ''Across workspaces: …''',
              x.indexrelid::regclass)
  from guarded g join pg_index x on x.indrelid = g.oid and (x.indisunique or x.indisexclusion)
 where x.indkey[0] is distinct from g.workspace
   and coalesce(obj_description(x.indexrelid, 'pg_class') not like '%Across workspaces: %', true)
union all
select g.name,
       format('the foreign key %I does not hold workspace_id on both sides: its check ignores policies', f.conname),
       format('reference (workspace_id, …) of %s', parent.name)
  from guarded g join pg_constraint f on f.conrelid = g.oid and f.contype = 'f'
  join relations parent on parent.oid = f.confrelid and parent.workspace is not null
 where not exists (select from unnest(f.conkey, f.confkey) as k (here, there)
                    where here = g.workspace and there = parent.workspace)
union all
select name, 'has no workspace_id',
       format('add it; or write the reason: comment on table %s is ''… Across workspaces: …''', name)
  from relations where ours and kind in ('r', 'p', 'f') and workspace is null and not excused
union all
select r.name, format('has no workspace_id, and %s has %s on it', a.grantee::regrole, lower(a.privilege_type)),
       format('revoke %s on %s from %s', a.privilege_type, r.name, a.grantee::regrole)
  from relations r join grants a on a.relation = r.oid
 where r.ours and r.kind in ('r', 'p', 'f') and r.workspace is null and a.privilege_type <> 'SELECT'
   and a.grantee <> 0 and a.grantee in (select oid from callers)
union all
select r.name, format('belongs to %s, not to postrider_owner', r.owner::regrole),
       format('alter table %s owner to postrider_owner', r.name)
  from relations r, id where r.ours and r.kind <> 'S' and r.owner <> id.owner
union all
-- What is built on them.
select name, 'is a view that reads with its owner''s rights', format('alter view %s set (security_invoker = true)', name)
  from relations r
 where kind = 'v' and not excused and (ours or reachable and oid in (select oid from built_on_workspaces))
   and not exists (select from pg_options_to_table(r.options)
                    where option_name = 'security_invoker' and option_value::boolean)
union all
select name, 'is a materialized view, which policies cannot protect',
       format('make %s a view with security_invoker, or revoke all on it from the groups of Postrider', name)
  from relations
 where kind = 'm' and not excused and (ours or reachable and oid in (select oid from built_on_workspaces))
union all
select s.name, 'is a sequence that tenants can read or use: it tells how much others do',
       format('revoke all on sequence %s from the groups of Postrider; a column "generated as identity" needs no grant', s.name)
  from relations s
 where s.kind = 'S' and s.reachable and not s.excused
   and (s.ours or exists (select from pg_depend d join guarded g on g.oid = d.refobjid
                           where d.classid = 'pg_class'::regclass and d.objid = s.oid and d.deptype in ('a', 'i')))
union all
select r.name, 'everybody (PUBLIC) has privileges on it', format('revoke all on %s from public', r.name)
  from relations r join grants a on a.relation = r.oid
 where r.ours and a.grantee = 0 and r.oid not in (select oid from guarded)
union all
-- Functions.
select name, 'everybody (PUBLIC) may execute it', format('revoke execute on %s from public', name)
  from functions f, id where (ours or definer and f.owner = id.engine) and 0 = any (granted_to)
union all
select f.name, format('%s may execute it, with the rights of postrider_engine, which sees all workspaces', r.name),
       format('revoke execute on %1$s from %2$s; or write the reason: comment on %1$s is ''… Across workspaces: …''',
              f.name, r.name)
  from id, functions f join grantees r on r.oid = any (f.granted_to)
 where f.definer and f.owner = id.engine and f.comment not like '%Across workspaces: %'
   and r.oid in (select oid from holders where belongs_to in (id.tenant, id.producer, id.analyst))
union all
select name, format('belongs to %s, not to postrider_owner or postrider_engine', f.owner::regrole),
       format('alter %s owner to postrider_owner', name)
  from functions f, id where ours and f.owner not in (id.owner, id.engine)
union all
select name, 'has no comment', format('comment on %s is ''…''', name) from functions where ours and comment = ''
union all
select name, 'runs with its owner''s rights, but its search_path does not end in pg_temp',
       format('alter %s set search_path = postrider, pg_temp', name)
  from functions f
 where definer and (ours or reachable)
   and not exists (select from unnest(settings) setting where setting ~ '^search_path=(.*, *)?"?pg_temp"?$')
union all
select name, 'runs with its owner''s rights without saying why', format('comment on %s is ''… Definer: …''', name)
  from functions where definer and (ours or reachable) and comment not like '%Definer: %'
union all
select name, 'is leakproof, so it may be called with rows that policies hide', format('alter %s not leakproof', name)
  from functions where proleakproof
union all
select name, 'names a workspace in its own settings', format('alter %s reset app.active_workspace', name)
  from functions f, unnest(settings) setting where setting ~* '^app\.active_workspace="?[^"]'
union all
-- The schema, default privileges, roles.
select 'schema postrider', format('%s may create in it', coalesce(r.rolname, 'PUBLIC')),
       format('revoke create on schema postrider from %s', coalesce(r.rolname, 'public'))
  from pg_namespace n cross join lateral aclexplode(n.nspacl) a left join pg_roles r on r.oid = a.grantee
 where n.nspname = 'postrider' and a.privilege_type = 'CREATE'
   and coalesce(r.rolname, 'public') not in ('postrider_owner', 'postrider_engine')
union all
select format('default privileges of %s', d.defaclrole::regrole),
       format('what it makes is granted to %s from the start', coalesce(r.rolname, 'PUBLIC')),
       format('alter default privileges for role %s revoke … from %s', d.defaclrole::regrole,
              coalesce(r.rolname, 'public'))
  from id, pg_default_acl d cross join lateral aclexplode(d.defaclacl) a left join pg_roles r on r.oid = a.grantee
 where d.defaclrole in (id.owner, id.engine) and a.grantee <> d.defaclrole
union all
select format('default privileges of %s', g.name), 'functions that it makes can be executed by everybody (PUBLIC)',
       format('alter default privileges for role %s revoke execute on functions from public', g.name)
  from groups g
 where g.name in ('postrider_owner', 'postrider_engine')
   and not exists (select from pg_default_acl d
                    where d.defaclrole = g.oid and d.defaclobjtype = 'f' and d.defaclnamespace = 0)
union all
select format('role %I', r.rolname), 'is a superuser, replicates, or bypasses policies',
       format('alter role %I nosuperuser noreplication nobypassrls', r.rolname)
  from pg_roles r
 where (r.rolsuper or r.rolreplication or r.rolbypassrls) and r.oid in (select oid from members)
union all
select format('role %s', h.oid::regrole), format('is a member of %I, which sees more than its group', r.rolname),
       format('revoke %s from %s', h.first::regrole, h.oid::regrole)
  from held h join pg_roles r on r.oid = h.role
 where r.rolsuper or r.rolreplication or r.rolbypassrls or r.rolname like 'pg\_%'
union all
select format('role %s', g.name), 'is a group, and can log in', format('alter role %s nologin', g.name)
  from groups g join pg_roles r using (oid) where r.rolcanlogin
union all
select format('role %s', m.oid::regrole),
       format('belongs to %s: permissive policies are OR-ed', string_agg(g.name, ' and ' order by g.name)),
       case when m.oid in (select oid from groups)
            then format('revoke %s from %s', string_agg(g.name, ', ') filter (where g.oid <> m.oid), m.oid::regrole)
            else format('revoke all but one of them from %s', m.oid::regrole) end
  from members m join groups g on g.oid = m.belongs_to group by m.oid having count(*) > 1
union all
select format('role %s', m.oid::regrole), 'is a member of postrider_engine, which sees all workspaces',
       format('revoke postrider_engine from %s', m.oid::regrole)
  from members m, id where m.belongs_to = id.engine and m.oid <> id.engine
union all
select coalesce('role ' || nullif(s.setrole, 0)::regrole::text, 'database ' || d.datname),
       'names a workspace in its own settings', 'alter … reset app.active_workspace'
  from pg_db_role_setting s left join pg_database d on d.oid = s.setdatabase, unnest(s.setconfig) setting
 where setting ~* '^app\.active_workspace=' and (s.setdatabase = 0 or d.datname = current_database());
comment on view postrider.isolation_breaches is 'What breaks the rule of isolation in this database, and what to write: empty, or something is wrong.';
grant select on postrider.isolation_breaches to postrider_producer, postrider_operator, postrider_analyst;
