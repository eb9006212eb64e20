-- POST /v1/receipts/reprocess: inbound_receipts_source, or the primary key; dry, it only counts.
select postrider.reprocess_receipts(:#${exchangeProperty.request}::jsonb)::text as body
