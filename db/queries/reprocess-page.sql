-- Enqueues a task for each of the next receipts that a job takes in again, and one for the rest of it.
select postrider.reprocess_page(:#${exchangeProperty.reprocessJob}::jsonb) as receipts
