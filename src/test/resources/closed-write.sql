insert into postrider.workspace_assets (workspace_id, name) values ((select postrider.active_workspace()), 'closed')
