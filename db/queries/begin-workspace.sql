-- Names the workspace and the actor of this transaction, and says whether there is such a workspace (by primary key).
-- Nil is that of operators' keys, which has no row. The condition needs the setting's value, so it is read after it is set.
with named as materialized (
    select set_config('app.active_workspace', ?, true) as workspace_id, set_config('app.actor', ?, true))
select named.workspace_id = '00000000-0000-0000-0000-000000000000'
       or exists (select from postrider.workspaces w where w.workspace_id = named.workspace_id::uuid)
  from named
