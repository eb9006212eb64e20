-- Ends a batch of attempts that did not succeed; tells how many this node still held, and which to offer again.
select * from postrider.end_attempts(?, ?, ?, ?, ?, ?, ?, ?, ?)
