-- How many seconds ago the newest transaction was made that this replica has replayed; no row on a primary.
-- Every node's heartbeat commits on the primary each 5 s: an idle primary does not look like a lagging replica, and a replica
-- that is cut off does not look like one without work, as it would by comparing what it received with what it replayed.
select extract(epoch from clock_timestamp() - pg_last_xact_replay_timestamp())::float8 as lag where pg_is_in_recovery()
