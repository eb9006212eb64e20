-- What the routine that makes and drops partitions does next; no row when nothing is left to do.
select subject, statement from postrider.next_retention_step(?)
