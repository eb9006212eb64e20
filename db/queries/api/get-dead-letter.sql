-- GET /v1/dead-letters/{deadLetterId}: with every attempt, but not on which of our nodes it ran.
select (postrider.dead_letter_json(d) || jsonb_build_object('payload', d.payload,
           'failedAttempts', (select coalesce(jsonb_agg(attempt - 'worker' order by n), '[]')
                                from jsonb_array_elements(d.attempts) with ordinality as a (attempt, n))))::text as body
  from postrider.dead_letters d, jsonb_to_record(:#${exchangeProperty.request}::jsonb) as r ("deadLetterId" uuid)
 where d.dead_letter_id = r."deadLetterId"
