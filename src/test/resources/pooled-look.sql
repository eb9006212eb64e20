-- The workspace that a transaction works in, and how many workspaces it sees.
select current_setting('app.active_workspace', true) as workspace, (select count(*) from postrider.workspaces) as workspaces
