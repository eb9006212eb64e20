-- The schedules whose tick is due, and how long to wait for the next: the index schedules_next_tick.
select * from postrider.due_schedules(:#${bean:ticks.failed}::uuid[])
