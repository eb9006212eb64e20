-- Makes the partitions of this month and the next three.
select postrider.ensure_partitions()
