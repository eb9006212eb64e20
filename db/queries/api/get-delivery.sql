-- GET /v1/deliveries/{deliveryId}: with every attempt, oldest first; the primary keys serve.
select (postrider.delivery_json(d) || jsonb_build_object('attempts', (
           select coalesce(jsonb_agg(jsonb_build_object(
                      'attempt', a.attempt, 'attemptedAt', postrider.utc(a.attempted_at), 'duration', a.duration,
                      'timing', postrider.attempt_timing(a), 'outcome', a.outcome, 'error', a.error,
                      'remoteAddress', host(a.remote_address),
                      'request', jsonb_build_object('url', a.request_url, 'headers', a.request_headers, 'body', a.request_body),
                      'response', case when a.response_status is not null then jsonb_build_object(
                          'status', a.response_status, 'headers', a.response_headers, 'body', a.response_body,
                          'cut', a.response_cut) end) order by a.attempt), '[]')
             from postrider.delivery_attempts a
            where a.delivery_id = d.delivery_id
              and a.attempted_at >= d.created_at)))::text as body
  from postrider.deliveries d, jsonb_to_record(:#${exchangeProperty.request}::jsonb) as r ("deliveryId" uuid)
 where d.delivery_id = r."deliveryId"
