-- Ends a batch of attempts that did not succeed; returns those that this node still held.
select * from postrider.end_attempts(?, ?, ?, ?, ?, ?, ?)
