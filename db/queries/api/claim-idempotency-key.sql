-- The answer of an earlier request with this key, or nothing when this request is the first: then the key is its own.
-- A second request waits here until the first has committed.
-- The request itself, which may hold secrets in plain, does not come here: only its hash.
with request as (
    select :#${exchangeProperty.idempotencyKey}::text as key, :#${exchangeProperty.requestHash}::bytea as hash
), mine as (
    insert into postrider.idempotency_keys (workspace_id, idempotency_key, request_hash)
    select postrider.active_workspace(), key, hash from request
    on conflict (workspace_id, idempotency_key) do update
        set request_hash = excluded.request_hash, status = null, response = null, created_at = now()
      where idempotency_keys.created_at < now() - interval '24 hours'
    returning idempotency_key
)
select k.status, k.response, k.request_hash = r.hash as same_request
  from request r
  join postrider.idempotency_keys k on k.idempotency_key = r.key
 where not exists (select from mine)
