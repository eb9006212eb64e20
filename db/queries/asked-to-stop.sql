-- What this node runs and somebody wants cancelled.
select task_id from postrider.asked_to_stop(:#${bean:node.getId})
