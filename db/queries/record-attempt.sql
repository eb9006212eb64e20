-- Keeps one attempt of a delivery: what was sent, and what came back.
insert into postrider.delivery_attempts
     ( workspace_id, delivery_id, attempted_at, attempt, request_url, request_headers, request_body, response_status
     , response_headers, response_body, response_cut, duration, error)
select postrider.active_workspace()
     , :#${exchangeProperty.taskId}::uuid
     , clock_timestamp() - r.duration * interval '1 ms'
     , :#${exchangeProperty.attempt}::int
     , r.url
     , r.headers
     , r.body
     , r.response_status
     , r.response_headers
     , r.response_body
     , r.response_cut
     , r.duration
     , r.error
  from jsonb_to_record(:#${exchangeProperty.attemptReport}::jsonb)
       as r (url text, headers jsonb, body text, response_status int, response_headers jsonb, response_body text,
             response_cut boolean, duration int, error text)
