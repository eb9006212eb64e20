-- Seconds until the first table has no partition, and since the routine found nothing left to do.
select ahead, unchecked from postrider.retention_state()
