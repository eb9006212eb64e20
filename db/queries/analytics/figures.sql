-- The figures of the page /actuator/figures, of all workspaces and the last 180 days, as one JSON: one statement, hence one
-- snapshot, or what ends meanwhile would look lost. For analysts: it reads the partitions of these days as a whole, which no
-- index would save; accounting reads what it has always read. Shares are cut off, so that only all is 1.
with kinds (kind) as (
    values ('task'), ('delivery')
), accepted as (
    select kind, sum(cardinality(task_ids)) as accepted
      from postrider.accepted_log where accepted_at >= now() - interval '4320 hours' group by kind
), ended as (
    select kind, count(*) filter (where outcome = 'completed') as completed,
           count(*) filter (where outcome = 'dead-lettered') as dead_lettered,
           count(*) filter (where outcome = 'discarded') as discarded,
           count(*) filter (where outcome = 'cancelled') as cancelled,
           count(*) filter (where first_attempt) as first_attempt, sum(retries) as retries,
           count(*) filter (where outcome in ('discarded', 'dead-lettered') and coalesce(reason, '') = '') as without_reason
      from postrider.ended_tasks where ended_at >= now() - interval '4320 hours' group by kind
), open as (
    select kind, count(*) filter (where task_status = 'queued') as waiting,
           count(*) filter (where task_status = 'processing') as running
      from postrider.background_tasks group by kind
), books as (
    select kind, sum(abs(unaccounted)) as unaccounted from postrider.accounting group by kind
), all_kinds as (
    select coalesce(kind, 'all') as kind, coalesce(sum(accepted), 0) as accepted, coalesce(sum(completed), 0) as completed,
           coalesce(sum(dead_lettered), 0) as dead_lettered, coalesce(sum(discarded), 0) as discarded,
           coalesce(sum(cancelled), 0) as cancelled, coalesce(sum(first_attempt), 0) as first_attempt,
           coalesce(sum(retries), 0) as retries, coalesce(sum(without_reason), 0) as without_reason,
           coalesce(sum(waiting), 0) as waiting, coalesce(sum(running), 0) as running,
           coalesce(sum(unaccounted), 0) as unaccounted
      from kinds left join accepted using (kind) left join ended using (kind) left join open using (kind)
           left join books using (kind)
     group by grouping sets ((kind), ())
), sent as (
    select count(*) as attempts,
           percentile_cont(array [0.5, 0.99]) within group (
               order by extract(epoch from attempted_at - occurred_at)::float8 * 1000 + duration)
               filter (where error is null) as times
      from postrider.delivery_attempts join postrider.deliveries using (workspace_id, delivery_id)
     where attempted_at >= now() - interval '4320 hours'
), nowhere as (
    select count(*) as deliveries
      from postrider.accepted_log l cross join unnest(task_ids) as id
     where l.kind = 'delivery' and accepted_at >= now() - interval '4320 hours'
       -- What retention has forgotten nobody dropped silently.
       and accepted_at >= (select coalesce(max(until), '-infinity') from postrider.partition_drops
                            where table_name = 'task_history')
       and not exists (select from postrider.background_tasks t where t.workspace_id = l.workspace_id and t.task_id = id)
       and not exists (select from postrider.dead_letters d where d.workspace_id = l.workspace_id and d.task_id = id)
       and not exists (select from postrider.task_history h
                        where h.workspace_id = l.workspace_id and h.task_id = id
                          and h.completed_at >= now() - interval '4320 hours')
), dead as (
    select count(*) as waiting, count(*) filter (where kind = 'delivery') as deliveries, min(dead_at) as oldest
      from postrider.dead_letters
)
select json_build_object(
    'days', 180,
    'asOf', to_char(now() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
    'readFrom', case when pg_is_in_recovery()
                     then to_char(pg_last_xact_replay_timestamp() at time zone 'UTC',
                                  '"the replica, which had replayed everything until" YYYY-MM-DD"T"HH24:MI:SS"Z"')
                     else 'the primary' end,
    'tasks', (select json_object_agg(kind, json_build_object(
                  'accepted', accepted, 'completed', completed, 'deadLettered', dead_lettered, 'discarded', discarded,
                  'cancelled', cancelled, 'waiting', waiting, 'running', running, 'unaccounted', unaccounted,
                  'withoutReason', without_reason, 'retries', retries, 'firstAttempt', first_attempt,
                  'completionShare', trunc(completed / nullif(completed + dead_lettered + discarded, 0), 6),
                  'recordedShare', trunc((completed + dead_lettered)
                                         / nullif(completed + dead_lettered + discarded + unaccounted, 0), 6)))
                from all_kinds),
    'deliveries', (select json_build_object('attempts', attempts, 'p50Milliseconds', times[1], 'p99Milliseconds', times[2])
                     from sent),
    'silentDrops', (select deliveries from nowhere),
    'deadLetters', (select json_build_object(
                        'waiting', waiting, 'deliveries', deliveries,
                        'oldest', to_char(oldest at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'))
                      from dead),
    'policyOverhead', json_build_object('milliseconds', null, 'measuredBy', 'mvn -Pbench verify -Dbench=isolation'))::text
