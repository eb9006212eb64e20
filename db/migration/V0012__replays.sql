-- Replays: jobs that put many dead letters back to waiting, or discard them, and survive the node that works on them.

create table postrider.replays (
    replay_id       uuid             not null default postrider.new_id(),
    workspace_id    uuid             not null,
    action          text             not null check (action in ('replay', 'discard')),
    filter          jsonb            not null,
    rate_per_second double precision check (rate_per_second > 0 and rate_per_second <= 1000000),
    replay_status   text             not null default 'running' check (replay_status in ('running', 'paused', 'completed', 'cancelled')),
    reason          text             check (char_length(reason) between 1 and 500),
    actor           text             not null,
    matched         bigint           not null,
    done            bigint           not null default 0,
    skipped         bigint           not null default 0,
    last_letter     uuid,
    last_error      text,
    created_at      timestamptz      not null default clock_timestamp(),
    due_at          timestamptz      not null default clock_timestamp(),
    ended_at        timestamptz,
    primary key (workspace_id, replay_id),
    check (reason is not null or action = 'replay')
);
comment on table postrider.replays is 'Jobs that replay or discard many dead letters, a step at a time.';
comment on column postrider.replays.replay_id is 'The id.';
comment on column postrider.replays.workspace_id is 'Whose dead letters; the nil UUID for those of all workspaces, an operator''s.';
comment on column postrider.replays.action is 'What is done to them: replay, or discard.';
comment on column postrider.replays.filter is 'Which dead letters, as it was given; {"all": true} is all.';
comment on column postrider.replays.rate_per_second is 'So many in a second at most; null: as fast as it goes.';
comment on column postrider.replays.replay_status is 'running, paused, completed, or cancelled.';
comment on column postrider.replays.reason is 'Why; it stands in the audit trail of each dead letter.';
comment on column postrider.replays.actor is 'Who made it; the audit trail of each dead letter names him.';
comment on column postrider.replays.matched is 'How many dead letters the filter found when the job was made.';
comment on column postrider.replays.done is 'How many were replayed or discarded.';
comment on column postrider.replays.skipped is 'How many stayed dead letters, because another task with their unique key waits or runs.';
comment on column postrider.replays.last_letter is 'Up to this dead letter, in the order of their ids, the job has come; null: it has not begun.';
comment on column postrider.replays.last_error is 'Why the last step that failed did; it is tried again.';
comment on column postrider.replays.created_at is 'When it was made. What died later is not its business, or a task that dies again would be replayed for ever.';
comment on column postrider.replays.due_at is 'When the next step is due.';
comment on column postrider.replays.ended_at is 'When it was completed or cancelled.';
create index replays_running on postrider.replays (due_at) where replay_status = 'running';
select postrider.enforce_isolation('postrider.replays', '{postrider_operator,postrider_analyst}');
grant select on postrider.replays to postrider_tenant;
grant select, insert, update on postrider.replays to postrider_engine;

-- What a replay of all workspaces walks along, and what operators find one dead letter by.
create index dead_letters_id on postrider.dead_letters (dead_letter_id);
-- Its steps lock dead letters, for which PostgreSQL asks for this right, and order the tasks of a key.
grant update on postrider.dead_letters to postrider_engine;
grant usage on sequence postrider.ordering_seq to postrider_engine;
