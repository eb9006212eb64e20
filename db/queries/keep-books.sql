-- Adds to the totals what nobody can change any more: the indexes on time of accepted_log and task_history.
select postrider.keep_books()
