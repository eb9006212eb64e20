-- The workspace that a transaction works in, and how many workspaces it sees.
select postrider.active_workspace()::text as workspace, (select count(*) from postrider.workspaces) as workspaces
