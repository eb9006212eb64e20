-- Erasure: jobs that remove every row of a deleted workspace, step by step, and then are its receipt.

create table postrider.erasures (
    workspace_id   uuid        primary key,
    erasure_id     uuid        not null default postrider.new_id(),
    erasure_status text        not null default 'running' check (erasure_status in ('running', 'completed')),
    reason         text        not null check (char_length(reason) between 1 and 500),
    actor          text        not null,
    waits_for      text[]      not null default '{}',
    walked_to      text,
    walked_event   uuid,
    walk_found     boolean     not null default false,
    row_counts     jsonb       not null default '{}',
    team_tables    text[]      not null default '{}',
    held_up        text,
    created_at     timestamptz not null default clock_timestamp(),
    due_at         timestamptz not null default clock_timestamp(),
    ended_at       timestamptz
);
comment on table postrider.erasures is 'The erasures of workspaces: jobs while they run, receipts afterwards; kept for good.';
comment on column postrider.erasures.workspace_id is 'The workspace that is erased, and whose receipt this is.';
comment on column postrider.erasures.erasure_id is 'The id, which the audit trail names.';
comment on column postrider.erasures.erasure_status is 'running, or completed: nothing of the workspace was left.';
comment on column postrider.erasures.reason is 'Why.';
comment on column postrider.erasures.actor is 'Who asked for it.';
comment on column postrider.erasures.waits_for is 'The transactions that were open when it was asked for, by their virtual ids: they may still write for the workspace.';
comment on column postrider.erasures.walked_to is 'The last table, or partition, that the walk has left behind; null: a walk begins.';
comment on column postrider.erasures.walked_event is 'In the partition behind that one events up to this id are blanked; null: none yet.';
comment on column postrider.erasures.walk_found is 'The walk has found something so far: another one follows it, until one finds nothing.';
comment on column postrider.erasures.row_counts is 'How many rows of each table were deleted, and of system_events blanked.';
comment on column postrider.erasures.team_tables is 'Tables that a team has isolated itself, outside of our schema: theirs to erase. Filled in at the end.';
comment on column postrider.erasures.held_up is 'Why it did not go on when it was last looked at; it is tried again. Null: it goes on.';
comment on column postrider.erasures.created_at is 'When it was asked for.';
comment on column postrider.erasures.due_at is 'When the next step is due.';
comment on column postrider.erasures.ended_at is 'When nothing was left.';
create index erasures_running on postrider.erasures (due_at) where erasure_status = 'running';
select postrider.enforce_isolation('postrider.erasures', '{postrider_operator,postrider_analyst}');
grant select on postrider.erasures to postrider_tenant; -- for the view accounting, which leaves out what is being erased
grant select, insert, update on postrider.erasures to postrider_engine;

alter table postrider.workspaces add column erased_at timestamptz;
comment on column postrider.workspaces.erased_at is 'When the last of its rows was erased: this one remains, so that its id is not given again. Null: it was not.';

-- Who erases may delete everywhere, but of the audit trail nothing: there it may blank.
do $$
declare
    erasable regclass;
begin
    for erasable in select c.oid from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attname = 'workspace_id'
                     where c.relnamespace = 'postrider'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
                       and c.relname not in ('workspaces', 'erasures', 'system_events') loop
        execute format('grant select, delete on %s to postrider_engine', erasable);
    end loop;
end $$;
grant select, update on postrider.system_events to postrider_engine;
