-- What steers the queue: shares, limits, pauses, chains of tasks, and what a running task tells.

alter table postrider.workspaces
    add column weight smallint not null default 1 check (weight between 1 and 100);
comment on column postrider.workspaces.weight is 'Its share of a node''s room beside other workspaces with work; 1 to 100.';

alter table postrider.task_types
    alter column published_at drop not null,
    alter column published_at drop default,
    add column maximum_redelivery_window  bigint           not null default -1,
    add column collision_avoidance_factor double precision not null default 0 check (collision_avoidance_factor between 0 and 1),
    add column paused_until               timestamptz;
comment on table postrider.task_types is 'The task types that some node has a handler for, or that an operator has paused. Across workspaces: a handler serves all of them, and tenants only read.';
comment on column postrider.task_types.published_at is 'When a node last wrote this row; null: no node has declared this type yet.';
comment on column postrider.task_types.maximum_redelivery_window is 'Milliseconds after which a task that fails is not tried again; -1 is without end. Rescue reads it.';
comment on column postrider.task_types.collision_avoidance_factor is 'Delays vary at random by this share of themselves; 0 to 1.';
comment on column postrider.task_types.paused_until is 'No node claims tasks of this type before this moment; null: not paused.';

create table postrider.task_limits (
    workspace_id    uuid             not null,
    limit_key       text             not null check (char_length(limit_key) <= 255),
    max_running     int              check (max_running >= 0),
    rate_per_second double precision check (rate_per_second >= 0.000001 and rate_per_second <= 1000000),
    tokens          double precision not null default 0,
    refilled_at     timestamptz      not null default now(),
    paused_until    timestamptz,
    resume_at       timestamptz,
    primary key (workspace_id, limit_key)
) with (fillfactor = 50);
comment on table postrider.task_limits is 'How many tasks of a limit key may run at once over all nodes, how many may begin in a second, and whether they are paused.';
comment on column postrider.task_limits.workspace_id is 'Whose tasks.';
comment on column postrider.task_limits.limit_key is 'The key that tasks carry; empty: all tasks of the workspace.';
comment on column postrider.task_limits.max_running is 'So many run at once, over all nodes; null: no limit.';
comment on column postrider.task_limits.rate_per_second is 'So many begin in a second, over all nodes; null: no limit.';
comment on column postrider.task_limits.tokens is 'How many may begin at refilled_at: a bucket of one second''s worth, at least one.';
comment on column postrider.task_limits.refilled_at is 'When tokens was written.';
comment on column postrider.task_limits.paused_until is 'None begins before this moment; null: not paused.';
comment on column postrider.task_limits.resume_at is 'When tasks that this limit holds back by rate or pause can go on; null: no such task.';
create index task_limits_resume on postrider.task_limits (resume_at) where resume_at is not null;
create index task_limits_paused on postrider.task_limits (workspace_id, paused_until) where paused_until is not null and limit_key = '';
select postrider.enforce_isolation('postrider.task_limits', '{postrider_operator,postrider_analyst}');
grant select on postrider.task_limits to postrider_tenant;
grant select, insert, update, delete on postrider.task_limits to postrider_engine;

-- The same names as before, without the regular expression, which every claim paid for again.
alter table postrider.background_tasks
    drop constraint background_tasks_task_type_check,
    add constraint background_tasks_task_type_check check (
        char_length(task_type) >= 1 and char_length(task_type) <= 100 and ltrim(task_type, 'abcdefghijklmnopqrstuvwxyz0123456789._-') = ''
        and left(task_type, 1) <> all (array ['.', '_', '-'])),
    add check (isfinite(scheduled_at)); -- or no claim could say how long it has waited
alter table postrider.background_tasks
    add column limit_key     text    check (char_length(limit_key) between 1 and 255),
    add column counted       boolean not null default false,
    add column held_by       text    check (held_by in ('ordering', 'limit', 'workspace', 'tasks')),
    add column waits_for     int     not null default 0 check (waits_for >= 0),
    add column awaited       boolean not null default false,
    add column progress      smallint check (progress between 0 and 100),
    add column progress_text text    check (char_length(progress_text) <= 500);
comment on column postrider.background_tasks.ready is 'Whether a claim may take it: queued, due, and held back by nothing. Its index never holds what a claim would have to step over.';
comment on column postrider.background_tasks.limit_key is 'Tasks of a workspace with the same key share a row of task_limits.';
comment on column postrider.background_tasks.counted is 'It runs, and counts for its limits.';
comment on column postrider.background_tasks.held_by is 'Why a due task is not ready: an earlier task of its ordering_key, its limit, its workspace''s limit, or tasks that must complete first.';
comment on column postrider.background_tasks.waits_for is 'How many tasks must still complete before this one may run.';
comment on column postrider.background_tasks.awaited is 'Other tasks wait for this one to complete.';
comment on column postrider.background_tasks.progress is 'What its handler last reported, 0 to 100.';
comment on column postrider.background_tasks.progress_text is 'What its handler last said about that.';
create index background_tasks_keyed on postrider.background_tasks (task_type, workspace_id)
    where ready and (limit_key is not null or ordering_key is not null);
create index background_tasks_counted on postrider.background_tasks (workspace_id, limit_key) where counted;
create index background_tasks_limited on postrider.background_tasks
    (workspace_id, limit_key, priority_rank desc, scheduled_at) where held_by = 'limit';
create index background_tasks_in_limited_workspace on postrider.background_tasks
    (workspace_id, priority_rank desc, scheduled_at) where held_by = 'workspace';
create index background_tasks_held_in_order on postrider.background_tasks (workspace_id, ordering_key)
    where held_by = 'ordering';
create index background_tasks_cancelled on postrider.background_tasks (worker_id) where cancel_requested;
drop index postrider.background_tasks_future;
create index background_tasks_future on postrider.background_tasks (scheduled_at)
    where not ready and task_status = 'queued' and held_by is null;

alter table postrider.dead_letters
    add column limit_key text;
comment on column postrider.dead_letters.limit_key is 'Its limit key.';

create table postrider.task_dependencies (
    workspace_id uuid not null,
    after_id     uuid not null,
    task_id      uuid not null,
    primary key (workspace_id, after_id, task_id)
);
comment on table postrider.task_dependencies is 'Which waiting task must wait for which other to complete.';
comment on column postrider.task_dependencies.workspace_id is 'Whose tasks.';
comment on column postrider.task_dependencies.after_id is 'The task that must complete first.';
comment on column postrider.task_dependencies.task_id is 'The task that waits.';
create index task_dependencies_waiting on postrider.task_dependencies (workspace_id, task_id);
select postrider.enforce_isolation('postrider.task_dependencies', '{postrider_operator,postrider_analyst}');
grant select on postrider.task_dependencies to postrider_tenant;
grant select, insert, delete on postrider.task_dependencies to postrider_engine;
