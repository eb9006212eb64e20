-- The workspaces under a hold; the primary key.
select workspace_id, reason, actor, postrider.utc(held_at) as held from postrider.retention_holds order by held_at
