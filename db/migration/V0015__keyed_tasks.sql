-- A claim asks whether a workspace has ready tasks with keys. With the due time in the index it need not step over those
-- that were claimed while a transaction was kept open, and only this index has the order that the claim asks for.
drop index postrider.background_tasks_keyed;
create index background_tasks_keyed on postrider.background_tasks (task_type, workspace_id, scheduled_at)
    where ready and (limit_key is not null or ordering_key is not null);
