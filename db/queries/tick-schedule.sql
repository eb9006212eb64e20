-- Enqueues the tasks of a schedule's ticks, unless another node was first.
select postrider.tick_schedule(r."workspaceId", r."scheduleId", r.due, r."tickedTo", r.ticks, r."nextTickAt") as ticked
  from jsonb_to_record(:#${body}::jsonb) as r (
       "workspaceId" uuid, "scheduleId" uuid, due timestamptz, "tickedTo" uuid, ticks timestamptz[],
       "nextTickAt" timestamptz)
