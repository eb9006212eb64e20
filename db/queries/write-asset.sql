-- Writes the body as an asset named after the task: the same task again replaces it.
insert into postrider.workspace_assets (workspace_id, name, media_type, content)
values (postrider.active_workspace(), 'report-' || :#${exchangeProperty.taskId} || '.csv', 'text/csv', convert_to(:#${body}, 'UTF8'))
    on conflict (workspace_id, name) where deleted_at is null
    do update set content = excluded.content, inserted_at = now()
