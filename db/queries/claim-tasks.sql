-- Claims what this node has room for; the last row says when the next task is due.
select * from postrider.claim_tasks(:#${bean:node.getId}, :#${bean:handlers.slots}::jsonb)
