-- Keeps the answer of a request with an idempotency key; what is shown once was taken out before.
update postrider.idempotency_keys
   set status = :#${exchangeProperty.success}, response = :#${exchangeProperty.keptAnswer}
 where idempotency_key = :#${exchangeProperty.idempotencyKey}
