-- Deleted objects, states that no webhook brought, and receipts that can be found and used again.

alter table postrider.billing_events
    add column deleted boolean not null default false,
    alter column receipt_id drop not null;
comment on column postrider.billing_events.deleted is 'The object is gone; event_data is what was last known of it.';
comment on column postrider.billing_events.receipt_id is 'The request that brought it, as it first came in; null: a task fetched it.';

alter table postrider.inbound_receipts
    add column url      text,
    add column body_cut boolean not null default false,
    add column reprocess_of uuid;
comment on column postrider.inbound_receipts.url is 'The url as the sender called it, with its query, which some providers sign; null: it came in before this was kept.';
comment on column postrider.inbound_receipts.body is 'The raw bytes, as they were signed; of an unverified request the first of them, see body_cut.';
comment on column postrider.inbound_receipts.body_cut is 'The request was not verified, and its body is longer than what is kept of such.';
comment on column postrider.inbound_receipts.reprocess_of is 'The receipt of the same request as it first came in, of one that was taken in again; null otherwise.';
comment on column postrider.inbound_keys.receipt_id is 'The receipt of the first delivery: taken in again, it is no duplicate.';
-- Lists of one source, what of it is taken in again, and its health: that is read from the index alone.
create index inbound_receipts_source on postrider.inbound_receipts (workspace_id, source_id, receipt_id)
    include (received_at, verdict, occurred_at, reprocess_of);

alter table postrider.webhook_sources
    add column secret_count smallint check (secret_count > 0);
comment on column postrider.webhook_sources.secret_count is 'How many secrets are live, for the audit trail; null: they were given before this was counted.';
