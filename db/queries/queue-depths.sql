-- What waits and runs, per task type.
select * from postrider.queue_depths()
