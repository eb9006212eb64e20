-- The books: totals of all that was accepted and has ended, so that nobody has to read the history to check them.

-- The time of each row is that of its insertion: what a transaction that stays open inserts late is not dated back.
alter table postrider.accepted_log alter column accepted_at set default clock_timestamp();
comment on column postrider.accepted_log.accepted_at is 'When it was logged.';

-- What is not counted yet is found by time. A btree would be written for each finished task; this is once per megabyte.
drop index postrider.accepted_log_time;
create index accepted_log_time on postrider.accepted_log using brin (accepted_at) with (autosummarize = on);
create index task_history_time on postrider.task_history using brin (completed_at) with (autosummarize = on);

create table postrider.book_totals (
    workspace_id uuid   not null,
    kind         text   not null,
    accepted     bigint not null default 0,
    completed    bigint not null default 0,
    discarded    bigint not null default 0,
    cancelled    bigint not null default 0,
    primary key (workspace_id, kind)
);
comment on table postrider.book_totals is 'What was accepted and what has ended up to book_state.counted_until, of dropped partitions too; without what was acknowledged as lost.';
comment on column postrider.book_totals.workspace_id is 'Whose tasks.';
comment on column postrider.book_totals.kind is 'task or delivery.';
comment on column postrider.book_totals.accepted is 'How many were accepted.';
comment on column postrider.book_totals.completed is 'How many have completed.';
comment on column postrider.book_totals.discarded is 'How many were discarded.';
comment on column postrider.book_totals.cancelled is 'How many were cancelled.';
select postrider.enforce_isolation('postrider.book_totals', '{postrider_operator,postrider_analyst}');
grant select on postrider.book_totals to postrider_tenant;
grant select, insert, update on postrider.book_totals to postrider_engine;

create table postrider.book_days (
    workspace_id uuid   not null,
    kind         text   not null,
    day          date   not null,
    accepted     bigint not null default 0,
    completed    bigint not null default 0,
    discarded    bigint not null default 0,
    cancelled    bigint not null default 0,
    primary key (workspace_id, kind, day)
);
comment on table postrider.book_days is 'The same per day, as long as there are partitions of it: a day can be counted again, and what was changed in it afterwards shows.';
comment on column postrider.book_days.workspace_id is 'Whose tasks.';
comment on column postrider.book_days.kind is 'task or delivery.';
comment on column postrider.book_days.day is 'The day, in UTC.';
comment on column postrider.book_days.accepted is 'How many were accepted on it.';
comment on column postrider.book_days.completed is 'How many completed on it.';
comment on column postrider.book_days.discarded is 'How many were discarded on it.';
comment on column postrider.book_days.cancelled is 'How many were cancelled on it.';
create index book_days_day on postrider.book_days (day);
select postrider.enforce_isolation('postrider.book_days');
grant select, insert, update, delete on postrider.book_days to postrider_engine;

create table postrider.book_findings (
    workspace_id    uuid        not null,
    task_id         uuid        not null,
    kind            text        not null,
    what            text        not null check (what in ('missing', 'unknown')),
    accepted_at     timestamptz not null,
    found_at        timestamptz not null default clock_timestamp(),
    resolved_at     timestamptz,
    acknowledged_at timestamptz,
    actor           text,
    reason          text,
    written_off     bigint      not null default 0,
    primary key (workspace_id, task_id)
);
comment on table postrider.book_findings is 'Tasks and deliveries that the books do not explain. Open: neither resolved nor acknowledged.';
comment on column postrider.book_findings.workspace_id is 'Whose task.';
comment on column postrider.book_findings.task_id is 'The task.';
comment on column postrider.book_findings.kind is 'task or delivery.';
comment on column postrider.book_findings.what is 'missing: it was accepted, and neither waits, runs, has ended nor is a dead letter; unknown: it is there, and was never accepted.';
comment on column postrider.book_findings.accepted_at is 'When it was accepted; of an unknown one when it says that it was made.';
comment on column postrider.book_findings.found_at is 'When that was found.';
comment on column postrider.book_findings.resolved_at is 'Since when all is right with it again.';
comment on column postrider.book_findings.acknowledged_at is 'When an operator acknowledged it.';
comment on column postrider.book_findings.actor is 'The operator who did.';
comment on column postrider.book_findings.reason is 'Why, as he said.';
comment on column postrider.book_findings.written_off is 'What that added to book_totals.accepted.';
create index book_findings_open on postrider.book_findings (workspace_id, kind)
    where resolved_at is null and acknowledged_at is null;
select postrider.enforce_isolation('postrider.book_findings', '{postrider_operator,postrider_analyst}');
grant select on postrider.book_findings to postrider_tenant;
grant select, insert, update on postrider.book_findings to postrider_engine;

create table postrider.book_state (
    only_one       boolean     primary key default true check (only_one),
    counted_until  timestamptz not null default '-infinity',
    candidate      timestamptz,
    candidate_xid  xid8,
    seen           jsonb       not null default '{}',
    suspects       jsonb       not null default '[]',
    search_before  timestamptz,
    recounted      boolean     not null default false,
    rested_until   timestamptz not null default '-infinity',
    recount_before timestamptz,
    recount_after  timestamptz,
    sweep_before   timestamptz
);
comment on table postrider.book_state is 'How far the books are kept, and what is being looked into. Across workspaces: one row; any node goes on where another has stopped, and tenants only read.';
comment on column postrider.book_state.only_one is 'There is one row.';
comment on column postrider.book_state.counted_until is 'All that has an earlier time is in the totals, and nothing else.';
comment on column postrider.book_state.candidate is 'What counted_until will be once all transactions have ended that were running then.';
comment on column postrider.book_state.candidate_xid is 'Those transactions have smaller numbers than this.';
comment on column postrider.book_state.seen is 'Per partition, what tells whether somebody has changed it: its file, and how many rows were updated and deleted.';
comment on column postrider.book_state.suspects is 'The workspaces and kinds whose difference is looked for, with the difference.';
comment on column postrider.book_state.search_before is 'Acceptances before this are still to be looked up for the suspects, newest first; null: none is looked for.';
comment on column postrider.book_state.recounted is 'The search for these suspects found too little, and all days were counted again.';
comment on column postrider.book_state.rested_until is 'No id explains the suspects'' difference: not looked for again before this, unless it changes.';
comment on column postrider.book_state.recount_before is 'Days before this are still to be counted again, newest first; null: none.';
comment on column postrider.book_state.recount_after is 'The first of these days.';
comment on column postrider.book_state.sweep_before is 'Somebody has changed the history: acceptances of all workspaces before this are still to be looked up; null: none.';
insert into postrider.book_state default values;
grant select on postrider.book_state to postrider_tenant, postrider_operator, postrider_analyst;
grant select, update on postrider.book_state to postrider_engine;
