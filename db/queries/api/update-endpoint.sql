-- PATCH /v1/endpoints/{endpointId}: what is given is changed; null removes what may be missing.
with given as (select :#${exchangeProperty.endpoint}::jsonb as p)
update postrider.webhook_endpoints e
   set url = coalesce(r.url, e.url)
     , event_types = coalesce(r."eventTypes", e.event_types)
     , description = case when jsonb_exists(p, 'description') then r.description else e.description end
     , headers = coalesce(r.headers, e.headers)
     , timeout = coalesce(r.timeout, e.timeout)
     , redelivery_policy = coalesce(r."redeliveryPolicy", e.redelivery_policy)
     , enabled = coalesce(r.enabled, e.enabled)
     , disabled_reason = case when r.enabled is null then e.disabled_reason end
     , filter = case when jsonb_exists(p, 'filter') then postrider.checked_predicate(r.filter) else e.filter end
     , rate_limit = case when jsonb_exists(p, 'rateLimit') then r."rateLimit" else e.rate_limit end
     , concurrency = case when jsonb_exists(p, 'concurrency') then r.concurrency else e.concurrency end
     , ordering = case when jsonb_exists(p, 'ordering') then postrider.checked_ordering(r.ordering) else e.ordering end
     , secret = coalesce(decode(r.secret, 'base64'), e.secret)
     , client_certificate = case when jsonb_exists(p, 'clientCertificate') then r."clientCertificate" else e.client_certificate end
     , updated_at = now()
  from given, jsonb_to_record(p) as r (
       "endpointId" uuid, url text, "eventTypes" text[], description text, headers jsonb, timeout int,
       "redeliveryPolicy" jsonb, enabled boolean, filter text, "rateLimit" double precision, concurrency int,
       ordering text, "clientCertificate" text, secret text)
 where e.endpoint_id = r."endpointId" and e.deleted_at is null
returning postrider.endpoint_json(e)::text as body
