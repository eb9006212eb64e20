-- The books, those that differ first: totals, and what is not in them yet.
select workspace_id, kind, accepted, completed, dead_lettered, discarded, cancelled, waiting, running, unaccounted
  from postrider.accounting
 order by unaccounted <> 0 desc, workspace_id, kind
 limit ?
