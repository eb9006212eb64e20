-- Schedules: tasks that come again, by cron or at a fixed rate.

create table postrider.schedules (
    schedule_id  uuid        not null default postrider.new_id(),
    workspace_id uuid        not null,
    task_type    text        not null check (task_type ~ '^[a-z0-9][a-z0-9._-]{0,99}$'),
    payload      jsonb       not null default '{}' check (jsonb_typeof(payload) = 'object'),
    cron         text        check (char_length(cron) between 1 and 200),
    every        bigint      check (every between 1000 and 31536000000000),
    time_zone    text        not null default 'UTC' check (char_length(time_zone) between 1 and 100),
    missed       text        not null default 'once' check (missed in ('skip', 'once', 'all')),
    enabled      boolean     not null default true,
    next_tick_at timestamptz check (isfinite(next_tick_at)),
    ticked_to    uuid,
    last_tick_at timestamptz,
    last_task_id uuid,
    created_at   timestamptz not null default now(),
    updated_at   timestamptz not null default now(),
    primary key (workspace_id, schedule_id),
    constraint schedules_cron_or_every check ((cron is null) <> (every is null)),
    constraint schedules_disabled check (enabled or next_tick_at is null)
);
comment on table postrider.schedules is 'Tasks that come again: each tick of a schedule enqueues one, or, of a global schedule, one in each active workspace.';
comment on column postrider.schedules.schedule_id is 'The id.';
comment on column postrider.schedules.workspace_id is 'Whose schedule; the nil UUID for a global one, which operators make.';
comment on column postrider.schedules.task_type is 'Which handler runs the tasks.';
comment on column postrider.schedules.payload is 'The tasks'' payload, to which each tick adds its time as scheduledFor.';
comment on column postrider.schedules.cron is 'When it ticks, as a cron expression of five fields, six with seconds, or a macro; null if it has a fixed rate.';
comment on column postrider.schedules.every is 'Milliseconds from tick to tick; null if it has a cron expression.';
comment on column postrider.schedules.time_zone is 'Where the cron expression''s times are meant.';
comment on column postrider.schedules.missed is 'What becomes of ticks that are more than a minute late: no task, one for all of them, or one each.';
comment on column postrider.schedules.enabled is 'Whether it ticks.';
comment on column postrider.schedules.next_tick_at is 'Its next tick, or the one that is being handed out; null: it does not tick.';
comment on column postrider.schedules.ticked_to is 'The last workspace that has its task of a global schedule''s tick at next_tick_at; null: that tick has not begun.';
comment on column postrider.schedules.last_tick_at is 'The last tick that was handed out; null: none yet.';
comment on column postrider.schedules.last_task_id is 'That tick''s task; null for a global schedule, whose ticks have many.';
comment on column postrider.schedules.created_at is 'When it was made.';
comment on column postrider.schedules.updated_at is 'When it was last changed.';
create index schedules_next_tick on postrider.schedules (next_tick_at) where next_tick_at is not null;
select postrider.enforce_isolation('postrider.schedules', '{postrider_operator,postrider_analyst}');
grant select, insert, update, delete on postrider.schedules to postrider_tenant;
grant select, update on postrider.schedules to postrider_engine;
