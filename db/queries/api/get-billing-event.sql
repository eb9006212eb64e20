-- GET /v1/billing-events/{provider}/{providerRefId}: the primary key.
select jsonb_build_object('provider', b.provider, 'providerRefId', b.provider_ref_id, 'stateVersion', b.state_version,
           'tied', b.tied, 'deleted', b.deleted, 'eventType', b.event_type, 'occurredAt', postrider.utc(b.occurred_at),
           'processedAt', postrider.utc(b.processed_at), 'receiptId', b.receipt_id, 'eventData', b.event_data)::text as body
  from postrider.billing_events b
     , jsonb_to_record(:#${exchangeProperty.request}::jsonb) as r (provider text, "providerRefId" text)
 where b.provider = r.provider
   and b.provider_ref_id = r."providerRefId"
