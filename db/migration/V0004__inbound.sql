-- Inbound webhooks: where they may come in, what came in, and the mirrored state.

create table postrider.webhook_sources (
    source_id    uuid        not null default postrider.new_id(),
    workspace_id uuid        not null references postrider.workspaces,
    provider     text        not null check (provider ~ '^[a-z0-9][a-z0-9-]{0,49}$'),
    source_key   text        not null unique,
    secrets      bytea       not null,
    task_type    text        check (task_type ~ '^[a-z0-9][a-z0-9._-]{0,99}$'),
    enabled      boolean     not null default true,
    created_at   timestamptz not null default now(),
    updated_at   timestamptz not null default now(),
    primary key (workspace_id, source_id)
);
comment on table postrider.webhook_sources is 'The addresses that providers post to, one per workspace and provider account.';
comment on column postrider.webhook_sources.source_id is 'The id.';
comment on column postrider.webhook_sources.workspace_id is 'Whose source.';
comment on column postrider.webhook_sources.provider is 'The provider, hence the route under routes/providers/.';
comment on column postrider.webhook_sources.source_key is 'The unguessable last part of the url; we choose it, so its uniqueness tells a tenant nothing.';
comment on column postrider.webhook_sources.secrets is 'The live signing secrets, encrypted.';
comment on column postrider.webhook_sources.task_type is 'The task that follows each applied event; null for none.';
comment on column postrider.webhook_sources.enabled is 'A paused source answers 503, so that the provider tries again.';
comment on column postrider.webhook_sources.created_at is 'When it was made.';
comment on column postrider.webhook_sources.updated_at is 'When it was last changed.';
select postrider.enforce_isolation('postrider.webhook_sources', '{postrider_operator}');
grant select, insert, update, delete on postrider.webhook_sources to postrider_tenant;
grant select on postrider.webhook_sources to postrider_engine;

create table postrider.inbound_receipts (
    receipt_id    uuid        not null default postrider.new_id(),
    workspace_id  uuid        not null,
    source_id     uuid        not null,
    provider      text        not null,
    received_at   timestamptz not null default now(),
    verdict       text        not null check (verdict in ('applied', 'tied', 'stale', 'duplicate', 'accepted', 'ignored', 'rejected')),
    reason        text,
    event_id      text,
    event_type    text,
    ref_id        text,
    state_version bigint,
    occurred_at   timestamptz,
    headers       jsonb       not null,
    body          bytea       not null,
    primary key (workspace_id, receipt_id, received_at)
) partition by range (received_at);
comment on table postrider.inbound_receipts is 'Every request to a source, verified or not, as it came in; partitioned by month.';
comment on column postrider.inbound_receipts.receipt_id is 'The id.';
comment on column postrider.inbound_receipts.workspace_id is 'Whose source.';
comment on column postrider.inbound_receipts.source_id is 'The source.';
comment on column postrider.inbound_receipts.provider is 'The provider.';
comment on column postrider.inbound_receipts.received_at is 'When it came in.';
comment on column postrider.inbound_receipts.verdict is 'What became of it.';
comment on column postrider.inbound_receipts.reason is 'Why it was rejected or ignored.';
comment on column postrider.inbound_receipts.event_id is 'The provider''s event id.';
comment on column postrider.inbound_receipts.event_type is 'The provider''s event type.';
comment on column postrider.inbound_receipts.ref_id is 'The provider''s id of the object that changed.';
comment on column postrider.inbound_receipts.state_version is 'The object''s version: the provider''s counter or event time, never our clock.';
comment on column postrider.inbound_receipts.occurred_at is 'When it happened, says the provider.';
comment on column postrider.inbound_receipts.headers is 'The request''s headers; authorization and cookies left out.';
comment on column postrider.inbound_receipts.body is 'The raw bytes, as they were signed.';
create index inbound_receipts_time on postrider.inbound_receipts using brin (received_at);
select postrider.enforce_isolation('postrider.inbound_receipts', '{postrider_operator,postrider_analyst}');
grant select on postrider.inbound_receipts to postrider_tenant;

create table postrider.inbound_keys (
    workspace_id uuid        not null,
    source_id    uuid        not null,
    event_id     text        not null check (char_length(event_id) between 1 and 255),
    receipt_id   uuid        not null,
    received_at  timestamptz not null default now(),
    primary key (workspace_id, source_id, event_id)
);
comment on table postrider.inbound_keys is 'The provider event ids that were taken in: a conflict is a duplicate. Kept for 30 days, longer than any provider retries.';
comment on column postrider.inbound_keys.workspace_id is 'Whose source.';
comment on column postrider.inbound_keys.source_id is 'The source.';
comment on column postrider.inbound_keys.event_id is 'The provider''s event id.';
comment on column postrider.inbound_keys.receipt_id is 'The receipt of the first delivery.';
comment on column postrider.inbound_keys.received_at is 'When it first came in.';
create index inbound_keys_age on postrider.inbound_keys (received_at);
select postrider.enforce_isolation('postrider.inbound_keys');
grant select, delete on postrider.inbound_keys to postrider_engine;

create table postrider.billing_events (
    event_id        uuid        not null default postrider.new_id(),
    workspace_id    uuid        not null references postrider.workspaces,
    provider        text        not null,
    provider_ref_id text        not null check (char_length(provider_ref_id) between 1 and 255),
    state_version   bigint      not null,
    event_type      text,
    tied            boolean     not null default false,
    occurred_at     timestamptz,
    processed_at    timestamptz not null default now(),
    receipt_id      uuid        not null,
    event_data      jsonb       not null,
    primary key (workspace_id, provider, provider_ref_id)
);
comment on table postrider.billing_events is 'The mirror of the providers'' objects: the newest state of each, by the provider''s own version.';
comment on column postrider.billing_events.event_id is 'The id of the row.';
comment on column postrider.billing_events.workspace_id is 'Whose object.';
comment on column postrider.billing_events.provider is 'The provider.';
comment on column postrider.billing_events.provider_ref_id is 'The provider''s id of the object.';
comment on column postrider.billing_events.state_version is 'The version applied last; a lower one changes nothing.';
comment on column postrider.billing_events.event_type is 'The event that brought this state.';
comment on column postrider.billing_events.tied is 'Another event of the same version was applied before: which is newer is not known.';
comment on column postrider.billing_events.occurred_at is 'When the change happened, says the provider.';
comment on column postrider.billing_events.processed_at is 'When it was applied here.';
comment on column postrider.billing_events.receipt_id is 'The request that brought it.';
comment on column postrider.billing_events.event_data is 'The event, parsed.';
select postrider.enforce_isolation('postrider.billing_events', '{postrider_analyst}');
grant select on postrider.billing_events to postrider_tenant;
