-- Writes the next part of an export into the workspace's assets: the primary key of system_events, in the partitions of its
-- range of time.
select done, percent, parts, events
  from postrider.export_events(:#${exchangeProperty.taskId}::uuid, :#${exchangeProperty.exportWanted}::jsonb)
