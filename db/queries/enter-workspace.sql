-- The first statement of a workspace's transaction: names the workspace and who acts, and refuses a workspace that is not
-- active. The settings are made before they are read because the CTE is materialized.
with named as materialized (
    select set_config('app.active_workspace', ?, true), set_config('app.actor', ?, true)
)
select postrider.required_workspace() from named
