-- Keeps the answer of a request with an idempotency key; what is shown once is not kept: secrets lie nowhere in plain.
update postrider.idempotency_keys
   set status = :#${exchangeProperty.success}, response = (:#${body}::jsonb - '{secret,apiKey}'::text[])::text
 where workspace_id = postrider.active_workspace() and idempotency_key = :#${exchangeProperty.idempotencyKey}
