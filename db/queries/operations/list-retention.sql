-- What is kept of each partitioned table, and how far its partitions go.
select s.table_name, s.partition_by, s.ahead, coalesce(s.keep_days || ' days', 'for ever') as keep
     , count(p.partition_name) as partitions, postrider.utc(min(p.starts)) as first, postrider.utc(s.made_until) as until
     , postrider.utc(s.checked_at) as checked
     , (select count(*) from postrider.partition_drops d where d.table_name = s.table_name and dropped_at is not null) as dropped
  from postrider.retention_settings s left join postrider.partitions p using (table_name)
 group by s.table_name order by s.table_name
