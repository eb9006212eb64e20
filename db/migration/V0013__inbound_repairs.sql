-- Deleted objects, and states that no webhook brought.

alter table postrider.billing_events
    add column deleted boolean not null default false,
    alter column receipt_id drop not null;
comment on column postrider.billing_events.deleted is 'The object is gone; event_data is what was last known of it.';
comment on column postrider.billing_events.receipt_id is 'The request that brought it; null: a task fetched it.';
