-- Moves a batch of finished tasks to the history; tells how many this node still held, and which to offer again.
select * from postrider.finish_tasks(?, ?, ?, ?, ?, ?)
