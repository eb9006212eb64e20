-- Makes a dead letter's workspace the active one of this transaction, and says who acts.
select set_config('app.active_workspace', workspace_id::text, true), set_config('app.actor', ?, true)
  from postrider.dead_letters
 where dead_letter_id = ?
