-- What is due, and, when counting costs little, what waits and runs, per task type; the circuits that are open; and who holds back vacuum now, as far
-- as everybody may see: sessions of this database (vacuums do not count), prepared transactions, replication slots.
select s.*, h.holders, postrider.open_circuits() as circuits
  from (select array_to_string(array (
            select format('session %s %s', pid, coalesce(backend_xid, backend_xmin)) from pg_stat_activity
             where pid <> pg_backend_pid() and (datid is null or datid = 0 or datname = current_database())
               and age(coalesce(backend_xid, backend_xmin)) > 0
               and pid not in (select pid from pg_stat_progress_vacuum)
            union all
            select format('transaction %s', gid) from pg_prepared_xacts where database = current_database()
            union all
            select format('slot %s %s', slot_name, xmin) from pg_replication_slots where age(xmin) > 0), E'\n') as holders) h
  left join postrider.queue_state(:#${bean:queueGauges.isCounting}) s on true
