-- Moves a batch of finished tasks to the history; returns those that this node still held.
select * from postrider.finish_tasks(?, ?, ?, ?)
