-- POST /v1/endpoints: what a caller may give, with its secrets sealed.
insert into postrider.webhook_endpoints as e
     ( workspace_id, url, event_types, description, headers, timeout, redelivery_policy, secret, enabled, signature
     , public_key, filter, rate_limit, concurrency, ordering, client_certificate)
select postrider.active_workspace(), r.url, r."eventTypes", r.description, coalesce(r.headers, '{}')
     , coalesce(r.timeout, 15000), coalesce(r."redeliveryPolicy", '{}'), decode(r.secret, 'base64'), coalesce(r.enabled, true)
     , coalesce(r.signature, 'v1'), r."publicKey", postrider.checked_predicate(r.filter), r."rateLimit", r.concurrency
     , postrider.checked_ordering(r.ordering), r."clientCertificate"
  from jsonb_to_record(:#${exchangeProperty.endpoint}::jsonb) as r (
       url text, "eventTypes" text[], description text, headers jsonb, timeout int, "redeliveryPolicy" jsonb, secret text,
       enabled boolean, signature text, "publicKey" text, filter text, "rateLimit" double precision, concurrency int,
       ordering text, "clientCertificate" text)
returning postrider.endpoint_json(e)::text as body
