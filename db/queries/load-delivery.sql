-- What a delivery needs: its endpoint, and its event as the body that is signed, the same at every attempt.
-- Served by the primary keys; occurred_at finds the event's partition.
select e.endpoint_id
     , e.url
     , e.headers::text as headers
     , e.timeout
     , e.redelivery_policy::text as redelivery_policy
     , e.secret
     , e.enabled
     , e.disabled_reason
     , e.deleted_at is not null as deleted
     , d.event_id
     , case when s.event_id is not null
            then json_build_object(
                     'type', s.event_type
                   , 'timestamp', postrider.utc(s.occurred_at)
                   , 'data', s.payload)::text
        end as body
  from postrider.deliveries d
  join postrider.webhook_endpoints e on e.endpoint_id = d.endpoint_id
  left join postrider.system_events s on s.event_id = d.event_id and s.occurred_at = d.occurred_at
 where d.delivery_id = :#${exchangeProperty.taskId}::uuid
