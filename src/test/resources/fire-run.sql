insert into public.runs (workspace_id, task_id, attempt)
values (:#${exchangeProperty.workspaceId}::uuid, :#${exchangeProperty.taskId}::uuid, :#${exchangeProperty.attempt}::int)
