-- The law of conservation, in one statement and hence one snapshot:
-- accepted = completed + dead-lettered + discarded + cancelled + waiting + running.
create or replace view postrider.accounting with (security_invoker = true) as
with books as (
    select workspace_id, kind, cardinality(task_ids) as accepted, 0 as completed, 0 as dead_lettered, 0 as discarded,
           0 as cancelled, 0 as waiting, 0 as running
      from postrider.accepted_log
    union all
    select workspace_id, kind, 0, (task_status = 'completed')::int, 0, (task_status = 'discarded')::int,
           (task_status = 'cancelled')::int, 0, 0
      from postrider.task_history
    union all
    select workspace_id, kind, 0, 0, 1, 0, 0, 0, 0 from postrider.dead_letters
    union all
    select workspace_id, kind, 0, 0, 0, 0, 0, (task_status = 'queued')::int, (task_status = 'processing')::int
      from postrider.background_tasks
)
select workspace_id, kind, sum(accepted) as accepted, sum(completed) as completed, sum(dead_lettered) as dead_lettered,
       sum(discarded) as discarded, sum(cancelled) as cancelled, sum(waiting) as waiting, sum(running) as running,
       sum(accepted) - sum(completed + dead_lettered + discarded + cancelled + waiting + running) as unaccounted
  from books
 group by workspace_id, kind;
comment on view postrider.accounting is 'Per workspace and kind: what was accepted, and where it is now; unaccounted is 0.';
grant select on postrider.accounting to postrider_tenant, postrider_operator, postrider_analyst, postrider_engine;

set local row_security = on;
set local role postrider_engine;
create or replace function postrider.unaccounted() returns bigint
    language sql stable security definer set search_path = postrider, pg_temp
return (select coalesce(sum(abs(unaccounted)), 0)::bigint from postrider.accounting);
comment on function postrider.unaccounted is 'How many tasks and deliveries the books do not explain, over all workspaces: 0. Definer: counts over all workspaces, and shows no row.';

create or replace function postrider.books_cover(until timestamptz) returns boolean language sql immutable return true;
comment on function postrider.books_cover is 'Whether what ended before a moment may be forgotten.';
revoke execute on function postrider.unaccounted, postrider.books_cover from public;
grant execute on function postrider.unaccounted to postrider_dispatcher;
grant execute on function postrider.books_cover to postrider_owner;
set local role postrider_owner;
