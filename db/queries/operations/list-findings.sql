-- What the books do not explain, open findings first, then the newest: the whole table, for one look at a time.
select workspace_id, task_id, kind, what, postrider.utc(accepted_at) as accepted, postrider.utc(found_at) as found
     , case when resolved_at is not null then 'resolved ' || postrider.utc(resolved_at)
            when acknowledged_at is not null then format('acknowledged %s by %s: %s', postrider.utc(acknowledged_at), actor, reason)
            else 'open' end as state
  from postrider.book_findings
 order by resolved_at is null and acknowledged_at is null desc, found_at desc
 limit ?
