-- A row of whichever workspace the transaction is in.
insert into postrider.workspace_assets (workspace_id, name) values (postrider.active_workspace(), :#${exchangeProperty.row})
