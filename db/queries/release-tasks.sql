-- Gives tasks that were claimed and not begun back to all nodes.
select * from postrider.release_tasks(?, ?, ?, ?)
