-- What a delivery needs: its endpoint and how it fares, and its event as the body that is signed, the same at every attempt.
-- Held: the endpoint's circuit is open; or it is probed now, and this delivery was claimed without being counted for that.
-- Expired: its redelivery window passed while it was held back. Served by the primary keys; occurred_at finds the partition.
select e.endpoint_id
     , e.url
     , e.headers::text as headers
     , e.timeout
     , e.redelivery_policy::text as redelivery_policy
     , e.secret
     , e.enabled
     , e.disabled_reason
     , e.deleted_at is not null as deleted
     , e.concurrency
     , c.endpoint_id is not null as failing
     , coalesce(c.open_until > clock_timestamp() or c.open_until is not null and t.limit_key is null, false) as held
     , coalesce(t.limit_key is not null
                and clock_timestamp() - coalesce(t.replayed_at, t.created_at)
                    > (e.redelivery_policy ->> 'maximumRedeliveryWindow')::bigint * interval '1 ms', false) as expired
     , d.event_id
     , case when s.event_id is not null
            then json_build_object(
                     'type', s.event_type
                   , 'timestamp', postrider.utc(s.occurred_at)
                   , 'data', s.payload)::text
        end as body
  from postrider.deliveries d
  join postrider.webhook_endpoints e on e.endpoint_id = d.endpoint_id
  left join postrider.endpoint_circuits c on c.endpoint_id = d.endpoint_id
  left join postrider.background_tasks t
    on t.task_id = d.delivery_id
   and (c.open_until is not null or jsonb_exists(e.redelivery_policy, 'maximumRedeliveryWindow'))
  left join postrider.system_events s on s.event_id = d.event_id and s.occurred_at = d.occurred_at
 where d.delivery_id = :#${exchangeProperty.taskId}::uuid
