-- POST /v1/dead-letters/{deadLetterId}/discard
select jsonb_build_object('deadLetterId', r."deadLetterId", 'discarded',
           postrider.discard_dead_letter(r."deadLetterId", r.reason) is not null)::text as body
  from jsonb_to_record(:#${exchangeProperty.request}::jsonb) as r ("deadLetterId" uuid, reason text)
