-- The source behind a webhook's address, before any workspace is known; the unique index on source_key serves it.
select source_id, workspace_id, secrets, enabled
  from postrider.resolve_source(:#${exchangeProperty.provider}, :#${exchangeProperty.sourceKey})
