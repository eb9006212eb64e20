-- Makes the nil UUID the active workspace of this transaction, for what concerns no workspace, and says who acts.
select set_config('app.active_workspace', '00000000-0000-0000-0000-000000000000', true), set_config('app.actor', ?, true)
