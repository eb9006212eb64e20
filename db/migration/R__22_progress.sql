-- What a handler tells of the task that it runs. SECURITY DEFINER as the owner: the caller needs no right on the table, and
-- the owner is bound by the policy of the active workspace like any tenant.
-- Migrations run with row_security off, so that a forgotten backfill fails; a function's body is only rewritten here.
set local row_security = on;

create or replace function postrider.report_progress(task_id uuid, attempt int, percent int, text text default null)
    returns boolean language plpgsql security definer set search_path = postrider, pg_temp set enable_seqscan = off as $$
#variable_conflict use_column
declare
    workspace constant uuid := required_workspace();
begin
    if report_progress.task_id is null or report_progress.attempt is null then
        raise sqlstate 'PR400' using message = 'taskId or attempt is missing: progress is that of one running task';
    end if;
    if report_progress.percent is null or report_progress.percent not between 0 and 100 then
        raise sqlstate 'PR400' using
            message = format('percent is %s: give 0 to 100', coalesce(report_progress.percent::text, 'missing'));
    end if;
    if char_length(report_progress.text) > 500 then
        raise sqlstate 'PR400' using
            message = format('text has %s characters: give at most 500', char_length(report_progress.text));
    end if;
    update background_tasks set progress = report_progress.percent, progress_text = report_progress.text
     where workspace_id = workspace and task_id = report_progress.task_id
       and attempt_count = report_progress.attempt and task_status = 'processing';
    return found;
end $$;
comment on function postrider.report_progress is
    'Says how far the attempt of a running task is, 0 to 100, and in words; false when that attempt runs no more, which changes nothing. Definer: the caller needs no right on the table; the owner is bound to the active workspace.';

revoke execute on function postrider.report_progress from public;
grant execute on function postrider.report_progress to postrider_tenant;
