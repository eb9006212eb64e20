-- Removes idempotency keys whose window has passed.
select postrider.sweep_keys()
