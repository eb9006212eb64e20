-- Outbound events: where they go, and what each attempt said.

create table postrider.event_keys (
    workspace_id uuid        not null,
    event_key    text        not null check (char_length(event_key) between 1 and 255),
    event_id     uuid        not null,
    request_hash bytea       not null,
    created_at   timestamptz not null default now(),
    primary key (workspace_id, event_key)
);
comment on table postrider.event_keys is 'The keys of published events: the same key within 30 days is the same event.';
comment on column postrider.event_keys.workspace_id is 'Whose event.';
comment on column postrider.event_keys.event_key is 'The publisher''s key.';
comment on column postrider.event_keys.event_id is 'The event that was published first.';
comment on column postrider.event_keys.request_hash is 'SHA-256 over type and payload: the same key with another event is refused.';
comment on column postrider.event_keys.created_at is 'When it was published.';
create index event_keys_age on postrider.event_keys (created_at);
select postrider.enforce_isolation('postrider.event_keys');
grant select, delete on postrider.event_keys to postrider_engine;

create table postrider.webhook_endpoints (
    endpoint_id       uuid        not null default postrider.new_id(),
    workspace_id      uuid        not null references postrider.workspaces,
    url               text        not null check (char_length(url) between 1 and 2048),
    event_types       text[]      not null check (cardinality(event_types) between 1 and 100),
    description       text        check (char_length(description) <= 500),
    headers           jsonb       not null default '{}',
    timeout           int         not null default 15000 check (timeout between 100 and 60000),
    redelivery_policy jsonb       not null default '{}',
    secret            bytea       not null,
    enabled           boolean     not null default true,
    disabled_reason   text,
    created_at        timestamptz not null default now(),
    updated_at        timestamptz not null default now(),
    deleted_at        timestamptz,
    primary key (workspace_id, endpoint_id)
);
comment on table postrider.webhook_endpoints is 'The customers'' endpoints that events are delivered to.';
comment on column postrider.webhook_endpoints.endpoint_id is 'The id.';
comment on column postrider.webhook_endpoints.workspace_id is 'Whose endpoint.';
comment on column postrider.webhook_endpoints.url is 'Where requests go.';
comment on column postrider.webhook_endpoints.event_types is 'Which events: exact names, prefixes such as invoice.*, or * for all.';
comment on column postrider.webhook_endpoints.description is 'For people.';
comment on column postrider.webhook_endpoints.headers is 'Headers that each request carries besides ours.';
comment on column postrider.webhook_endpoints.timeout is 'Milliseconds for a whole request, its response''s body included.';
comment on column postrider.webhook_endpoints.redelivery_policy is 'What differs from the default redelivery policy, in Camel''s words.';
comment on column postrider.webhook_endpoints.secret is 'The signing secret, encrypted.';
comment on column postrider.webhook_endpoints.enabled is 'Whether events are delivered.';
comment on column postrider.webhook_endpoints.disabled_reason is 'Why it was disabled, when Postrider did it.';
comment on column postrider.webhook_endpoints.created_at is 'When it was made.';
comment on column postrider.webhook_endpoints.updated_at is 'When it was last changed.';
comment on column postrider.webhook_endpoints.deleted_at is 'When it was deleted; its past deliveries stay readable.';
select postrider.enforce_isolation('postrider.webhook_endpoints', '{postrider_operator,postrider_analyst}');
grant select, insert, update on postrider.webhook_endpoints to postrider_tenant;

create table postrider.deliveries (
    delivery_id  uuid        not null,
    workspace_id uuid        not null,
    event_id     uuid        not null,
    occurred_at  timestamptz not null,
    endpoint_id  uuid        not null,
    event_type   text        not null,
    created_at   timestamptz not null default now(),
    primary key (workspace_id, delivery_id)
);
comment on table postrider.deliveries is 'One event for one endpoint; how it stands is the state of the task of the same id.';
comment on column postrider.deliveries.delivery_id is 'The id, and the task''s.';
comment on column postrider.deliveries.workspace_id is 'Whose delivery.';
comment on column postrider.deliveries.event_id is 'The event.';
comment on column postrider.deliveries.occurred_at is 'When the event occurred: finds its partition.';
comment on column postrider.deliveries.endpoint_id is 'The endpoint.';
comment on column postrider.deliveries.event_type is 'The event''s type.';
comment on column postrider.deliveries.created_at is 'When it was accepted.';
create index deliveries_event on postrider.deliveries (workspace_id, event_id);
create index deliveries_endpoint on postrider.deliveries (workspace_id, endpoint_id, delivery_id);
select postrider.enforce_isolation('postrider.deliveries', '{postrider_operator,postrider_analyst}');
grant select on postrider.deliveries to postrider_tenant;

create table postrider.delivery_attempts (
    attempt_id        uuid        not null default postrider.new_id(),
    workspace_id      uuid        not null,
    delivery_id       uuid        not null,
    attempted_at      timestamptz not null default now(),
    attempt           int         not null,
    request_url       text        not null,
    request_headers   jsonb       not null,
    request_body      text        not null,
    response_status   int,
    response_headers  jsonb,
    response_body     text,
    response_cut      boolean     not null default false,
    duration          int         not null,
    error             text,
    primary key (workspace_id, delivery_id, attempt_id, attempted_at)
) partition by range (attempted_at);
comment on table postrider.delivery_attempts is 'Each request to an endpoint and what came back; partitioned by month.';
comment on column postrider.delivery_attempts.attempt_id is 'The id.';
comment on column postrider.delivery_attempts.workspace_id is 'Whose delivery.';
comment on column postrider.delivery_attempts.delivery_id is 'The delivery.';
comment on column postrider.delivery_attempts.attempted_at is 'When the request was sent.';
comment on column postrider.delivery_attempts.attempt is 'Which claim of the task this was.';
comment on column postrider.delivery_attempts.request_url is 'Where it went.';
comment on column postrider.delivery_attempts.request_headers is 'What was sent, signature included; values of custom headers are masked.';
comment on column postrider.delivery_attempts.request_body is 'What was sent.';
comment on column postrider.delivery_attempts.response_status is 'The answer''s status; null when there was none.';
comment on column postrider.delivery_attempts.response_headers is 'The answer''s headers.';
comment on column postrider.delivery_attempts.response_body is 'The answer''s body, up to postrider.limits.response-capture.';
comment on column postrider.delivery_attempts.response_cut is 'The body was longer than that.';
comment on column postrider.delivery_attempts.duration is 'Milliseconds, the body included.';
comment on column postrider.delivery_attempts.error is 'Why the attempt failed; null when it did not.';
create index delivery_attempts_time on postrider.delivery_attempts using brin (attempted_at);
select postrider.enforce_isolation('postrider.delivery_attempts', '{postrider_operator,postrider_analyst}');
grant select, insert on postrider.delivery_attempts to postrider_tenant;
grant select on postrider.delivery_attempts to postrider_engine;
