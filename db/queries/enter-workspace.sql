-- The first statement of a workspace's transaction: names the workspace and who acts, and refuses a workspace that is not
-- active. The nil UUID is that of operators' keys. The CTE is materialized: the settings are made before they are read.
with named as materialized (
    select set_config('app.active_workspace', ?, true) as workspace_id, set_config('app.actor', ?, true)
)
select postrider.required_workspace() from named where workspace_id <> '00000000-0000-0000-0000-000000000000'
