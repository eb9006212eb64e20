-- What an endpoint may ask for, how it fares, and what each attempt tells.

alter table postrider.webhook_endpoints
    add column signature          text             not null default 'v1' check (signature in ('v1', 'v1a')),
    add column public_key         text,
    add column filter             text             check (char_length(filter) between 1 and 1000),
    add column rate_limit         double precision check (rate_limit >= 0.001 and rate_limit <= 10000),
    add column concurrency        int              check (concurrency between 1 and 1000),
    add column ordering           text             check (char_length(ordering) between 1 and 200),
    add column client_certificate text;
comment on column postrider.webhook_endpoints.secret is 'The signing secret, those that rotation has replaced while they are valid, and the client certificate with its key: encrypted.';
comment on column postrider.webhook_endpoints.signature is 'The scheme of Standard Webhooks that signs: v1 is HMAC-SHA-256, v1a is ed25519.';
comment on column postrider.webhook_endpoints.public_key is 'What verifies v1a, as whpk_ and base64; null with v1.';
comment on column postrider.webhook_endpoints.filter is 'A JSON path predicate on the payload: events for which it is not true are not delivered. Null: all are.';
comment on column postrider.webhook_endpoints.rate_limit is 'Deliveries that begin in a second at most, over all nodes; null: no limit.';
comment on column postrider.webhook_endpoints.concurrency is 'Deliveries at once at most, over all nodes; null: the default, which each node keeps.';
comment on column postrider.webhook_endpoints.ordering is 'endpoint: one delivery at a time, in the order of the events'' commits. A JSON path: so for each value that it has in the payload. Null: no order.';
comment on column postrider.webhook_endpoints.client_certificate is 'Whose client certificate its requests carry, and until when; null: none.';

create table postrider.endpoint_circuits (
    workspace_id   uuid        not null,
    endpoint_id    uuid        not null,
    failures       int         not null default 1,
    failing_since  timestamptz not null default now(),
    last_failed_at timestamptz not null default now(),
    last_failure   text        not null,
    openings       int         not null default 0,
    open_until     timestamptz,
    primary key (workspace_id, endpoint_id)
) with (fillfactor = 50);
comment on table postrider.endpoint_circuits is 'The circuit breakers of endpoints whose latest attempts have all failed; a delivery that arrives removes the row.';
comment on column postrider.endpoint_circuits.workspace_id is 'Whose endpoint.';
comment on column postrider.endpoint_circuits.endpoint_id is 'The endpoint.';
comment on column postrider.endpoint_circuits.failures is 'Failed attempts since the last that succeeded.';
comment on column postrider.endpoint_circuits.failing_since is 'When the first of them failed.';
comment on column postrider.endpoint_circuits.last_failed_at is 'When the last of them failed.';
comment on column postrider.endpoint_circuits.last_failure is 'Why the last of them failed.';
comment on column postrider.endpoint_circuits.openings is 'How often the circuit was opened; each time it is open for longer.';
comment on column postrider.endpoint_circuits.open_until is 'No attempt begins before; then one at a time probes. Null: the circuit has not been opened.';
select postrider.enforce_isolation('postrider.endpoint_circuits', '{postrider_operator,postrider_analyst}');
grant select on postrider.endpoint_circuits to postrider_tenant;
grant select on postrider.endpoint_circuits, postrider.deliveries, postrider.system_events to postrider_engine;

-- The batch that ends attempts records them, and may be repeated when its answer is lost.
alter table postrider.delivery_attempts
    drop constraint delivery_attempts_pkey,
    drop column attempt_id,
    add column endpoint_id    uuid,
    add column outcome        text,
    add column remote_address inet,
    add column dns            int,
    add column connect        int,
    add column tls            int,
    add column first_byte     int,
    add primary key (workspace_id, delivery_id, attempt, attempted_at);
comment on column postrider.delivery_attempts.endpoint_id is 'The endpoint.';
comment on column postrider.delivery_attempts.outcome is 'What came of it, as the metric postrider.delivery names it.';
comment on column postrider.delivery_attempts.remote_address is 'The address that the request was sent to.';
comment on column postrider.delivery_attempts.dns is 'Milliseconds until the host''s addresses were known; null, like the next two, on a connection that was open already.';
comment on column postrider.delivery_attempts.connect is 'Milliseconds until the connection stood, without the former.';
comment on column postrider.delivery_attempts.tls is 'Milliseconds of the TLS handshake; null without TLS.';
comment on column postrider.delivery_attempts.first_byte is 'Milliseconds from the request''s beginning until the answer''s status and headers were there; null when they never were.';
create index delivery_attempts_endpoint on postrider.delivery_attempts (workspace_id, endpoint_id, attempted_at);
grant insert on postrider.delivery_attempts to postrider_engine;
revoke insert on postrider.delivery_attempts from postrider_tenant;
