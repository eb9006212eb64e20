-- The nodes that work now: the primary key.
select node_id, host, postrider.utc(started_at) as started, postrider.utc(heartbeat_at) as heartbeat
     , extract(epoch from clock_timestamp() - heartbeat_at)::bigint as silent
  from postrider.worker_nodes
 order by node_id
