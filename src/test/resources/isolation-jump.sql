-- Leaves the workspace, as a route must not.
with moved as materialized (select set_config('app.active_workspace', '01900000-0000-7000-8000-000000000001', true) as workspace)
select workspace from moved
