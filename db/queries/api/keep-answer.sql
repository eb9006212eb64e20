-- Keeps the answer of a request with an idempotency key.
update postrider.idempotency_keys
   set status = :#${exchangeProperty.success}, response = :#${body}
 where workspace_id = postrider.active_workspace() and idempotency_key = :#${exchangeProperty.idempotencyKey}
