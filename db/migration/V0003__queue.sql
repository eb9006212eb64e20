-- The task queue: what waits or runs, what ended and how, what died, and who works.

create table postrider.task_types (
    task_type                text             primary key check (task_type ~ '^[a-z0-9][a-z0-9._-]{0,99}$'),
    task_class               smallint         not null default 1 check (task_class between 0 and 3),
    maximum_redeliveries     int              not null default 10,
    redelivery_delay         bigint           not null default 1000,
    back_off_multiplier      double precision not null default 2,
    maximum_redelivery_delay bigint           not null default 60000,
    published_at             timestamptz      not null default now()
);
comment on table postrider.task_types is 'The task types that some node has a handler for; a row is written when the handler''s route starts.';
comment on column postrider.task_types.task_type is 'The name.';
comment on column postrider.task_types.task_class is 'Claimed first when lower; set by operators, 0 to 3.';
comment on column postrider.task_types.maximum_redeliveries is 'Failures that are tried again before the task is a dead letter; -1 is without end. Rescue reads it.';
comment on column postrider.task_types.redelivery_delay is 'Milliseconds before the first redelivery.';
comment on column postrider.task_types.back_off_multiplier is 'Each further delay is this many times the one before.';
comment on column postrider.task_types.maximum_redelivery_delay is 'Milliseconds that no delay exceeds.';
comment on column postrider.task_types.published_at is 'When a node last wrote this row.';
grant select on postrider.task_types to postrider_tenant, postrider_operator, postrider_analyst;
grant select, insert, update on postrider.task_types to postrider_engine;

create table postrider.worker_nodes (
    node_id      text        primary key,
    host         text        not null,
    started_at   timestamptz not null default now(),
    heartbeat_at timestamptz not null default now()
);
comment on table postrider.worker_nodes is 'The nodes that work now: one heartbeat per node is the lease of all its tasks.';
comment on column postrider.worker_nodes.node_id is 'New at every start.';
comment on column postrider.worker_nodes.host is 'Where it runs, for people.';
comment on column postrider.worker_nodes.started_at is 'When it started.';
comment on column postrider.worker_nodes.heartbeat_at is 'When it last said that it lives, by the database''s clock; silent for 20 s, it is dead.';
grant select on postrider.worker_nodes to postrider_operator;
grant select, insert, update, delete on postrider.worker_nodes to postrider_engine;

create sequence postrider.ordering_seq;

create table postrider.background_tasks (
    task_id          uuid        not null default postrider.new_id(),
    workspace_id     uuid        not null,
    kind             text        not null default 'task' check (kind in ('task', 'delivery')),
    task_type        text        not null check (task_type ~ '^[a-z0-9][a-z0-9._-]{0,99}$'),
    task_status      text        not null default 'queued' check (task_status in ('queued', 'processing')),
    ready            boolean     not null,
    priority_rank    int         not null default 0 check (priority_rank between -100 and 100),
    scheduled_at     timestamptz not null default now(),
    worker_id        text,
    attempt_count    int         not null default 0,
    failure_count    int         not null default 0,
    claimed_at       timestamptz,
    completed_at     timestamptz check (completed_at is null),
    created_at       timestamptz not null default now(),
    replayed_at      timestamptz,
    cancel_requested boolean     not null default false,
    unique_key       text        check (char_length(unique_key) between 1 and 255),
    ordering_key     text        check (char_length(ordering_key) between 1 and 255),
    ordering_seq     bigint,
    payload          jsonb       not null default '{}',
    last_error       text,
    attempts         jsonb       not null default '[]',
    primary key (workspace_id, task_id)
) with (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000,
        autovacuum_analyze_scale_factor = 0.05, autovacuum_vacuum_cost_delay = 0);
comment on table postrider.background_tasks is 'Tasks that wait or run; a task that ends leaves this table in the statement that ends it.';
comment on column postrider.background_tasks.task_id is 'The id, and the handler''s idempotency key.';
comment on column postrider.background_tasks.workspace_id is 'Whose task.';
comment on column postrider.background_tasks.kind is 'task, or the delivery of an event to an endpoint.';
comment on column postrider.background_tasks.task_type is 'Which handler runs it.';
comment on column postrider.background_tasks.task_status is 'queued: waits; processing: a node has claimed it.';
comment on column postrider.background_tasks.ready is 'Whether a claim may take it: queued and due. The claim makes due tasks ready, so its index never holds future ones.';
comment on column postrider.background_tasks.priority_rank is 'Higher first, inside its workspace.';
comment on column postrider.background_tasks.scheduled_at is 'Not before this moment.';
comment on column postrider.background_tasks.worker_id is 'The node that holds it; part of the fence.';
comment on column postrider.background_tasks.attempt_count is 'Claims so far; only rises; part of the fence.';
comment on column postrider.background_tasks.failure_count is 'Failures so far: what redelivery policies compare.';
comment on column postrider.background_tasks.claimed_at is 'When it was last claimed.';
comment on column postrider.background_tasks.completed_at is 'Always null here; the history has it.';
comment on column postrider.background_tasks.created_at is 'When it was accepted.';
comment on column postrider.background_tasks.replayed_at is 'When it last came back from the dead letters: then it is not accepted anew.';
comment on column postrider.background_tasks.cancel_requested is 'Somebody wants it cancelled while it runs: it is not tried again.';
comment on column postrider.background_tasks.unique_key is 'At most one waiting or running task of a workspace and type has it.';
comment on column postrider.background_tasks.ordering_key is 'Tasks of a workspace with the same key run one at a time, in the order of ordering_seq.';
comment on column postrider.background_tasks.ordering_seq is 'Drawn under a lock on the key, hence in the order of commits.';
comment on column postrider.background_tasks.payload is 'The handler''s input.';
comment on column postrider.background_tasks.last_error is 'What the last attempt said.';
comment on column postrider.background_tasks.attempts is 'The failed attempts, oldest first, the last 50 of them.';
create index background_tasks_ready on postrider.background_tasks
    (task_type, workspace_id, priority_rank desc, scheduled_at) where ready;
create index background_tasks_future on postrider.background_tasks (scheduled_at)
    where not ready and task_status = 'queued';
create unique index background_tasks_unique_key on postrider.background_tasks (workspace_id, task_type, unique_key)
    where unique_key is not null;
create index background_tasks_ordering on postrider.background_tasks (workspace_id, ordering_key, ordering_seq)
    where ordering_key is not null;
select postrider.enforce_isolation('postrider.background_tasks', '{postrider_operator,postrider_analyst}');
grant select on postrider.background_tasks to postrider_tenant;
grant select, insert, update, delete on postrider.background_tasks to postrider_engine;

create table postrider.task_history (
    task_id       uuid        not null,
    workspace_id  uuid        not null,
    kind          text        not null,
    task_type     text        not null,
    task_status   text        not null check (task_status in ('completed', 'cancelled', 'discarded')),
    priority_rank int         not null,
    scheduled_at  timestamptz not null,
    worker_id     text,
    attempt_count int         not null,
    failure_count int         not null,
    claimed_at    timestamptz,
    completed_at  timestamptz not null default clock_timestamp(),
    created_at    timestamptz not null,
    reason        text,
    payload       jsonb       not null,
    last_error    text,
    attempts      jsonb       not null default '[]',
    primary key (workspace_id, task_id, completed_at)
) partition by range (completed_at);
comment on table postrider.task_history is 'Tasks that ended, one row each; partitioned by month of their end.';
comment on column postrider.task_history.task_id is 'The id.';
comment on column postrider.task_history.workspace_id is 'Whose task.';
comment on column postrider.task_history.kind is 'task or delivery.';
comment on column postrider.task_history.task_type is 'Which handler ran it.';
comment on column postrider.task_history.task_status is 'completed, cancelled, or discarded.';
comment on column postrider.task_history.priority_rank is 'Its priority.';
comment on column postrider.task_history.scheduled_at is 'When it was due.';
comment on column postrider.task_history.worker_id is 'The node that ran it last.';
comment on column postrider.task_history.attempt_count is 'Claims in all.';
comment on column postrider.task_history.failure_count is 'Failures since it was accepted or replayed.';
comment on column postrider.task_history.claimed_at is 'When the last attempt was claimed.';
comment on column postrider.task_history.completed_at is 'When it ended.';
comment on column postrider.task_history.created_at is 'When it was accepted.';
comment on column postrider.task_history.reason is 'Why it was cancelled or discarded, and by whom.';
comment on column postrider.task_history.payload is 'The handler''s input.';
comment on column postrider.task_history.last_error is 'What the last failed attempt said.';
comment on column postrider.task_history.attempts is 'The failed attempts, oldest first.';
select postrider.enforce_isolation('postrider.task_history', '{postrider_operator,postrider_analyst}');
grant select on postrider.task_history to postrider_tenant;
grant select, insert on postrider.task_history to postrider_engine;

create table postrider.dead_letters (
    dead_letter_id uuid        not null default postrider.new_id(),
    workspace_id   uuid        not null,
    task_id        uuid        not null,
    kind           text        not null,
    task_type      text        not null,
    priority_rank  int         not null,
    attempt_count  int         not null,
    failure_count  int         not null,
    created_at     timestamptz not null,
    dead_at        timestamptz not null default clock_timestamp(),
    reason         text        not null,
    unique_key     text,
    ordering_key   text,
    payload        jsonb       not null,
    last_error     text,
    attempts       jsonb       not null,
    primary key (workspace_id, dead_letter_id)
);
comment on table postrider.dead_letters is 'Tasks and deliveries that exhausted their redelivery policy, until somebody replays or discards them.';
comment on column postrider.dead_letters.dead_letter_id is 'The id; a task that dies again gets a new one.';
comment on column postrider.dead_letters.workspace_id is 'Whose task.';
comment on column postrider.dead_letters.task_id is 'The task: a replay keeps it, and with it the idempotency key.';
comment on column postrider.dead_letters.kind is 'task or delivery.';
comment on column postrider.dead_letters.task_type is 'Which handler failed.';
comment on column postrider.dead_letters.priority_rank is 'Its priority.';
comment on column postrider.dead_letters.attempt_count is 'Claims so far.';
comment on column postrider.dead_letters.failure_count is 'Failures so far.';
comment on column postrider.dead_letters.created_at is 'When the task was accepted.';
comment on column postrider.dead_letters.dead_at is 'When it died.';
comment on column postrider.dead_letters.reason is 'Why no further attempt was made.';
comment on column postrider.dead_letters.unique_key is 'Its unique key, which another task may use meanwhile.';
comment on column postrider.dead_letters.ordering_key is 'Its ordering key; followers have passed it.';
comment on column postrider.dead_letters.payload is 'The handler''s input.';
comment on column postrider.dead_letters.last_error is 'What the last attempt said.';
comment on column postrider.dead_letters.attempts is 'Every failed attempt; of a delivery with request and response.';
create unique index dead_letters_task on postrider.dead_letters (workspace_id, task_id);
create index dead_letters_age on postrider.dead_letters (dead_at);
select postrider.enforce_isolation('postrider.dead_letters', '{postrider_operator,postrider_analyst}');
grant select on postrider.dead_letters to postrider_tenant;
grant select, insert on postrider.dead_letters to postrider_engine;

create table postrider.accepted_log (
    workspace_id uuid        not null,
    accepted_at  timestamptz not null default now(),
    kind         text        not null,
    task_ids     uuid[]      not null
) partition by range (accepted_at);
comment on table postrider.accepted_log is 'What was accepted: one row per accepting statement and workspace. The books are checked against it.';
comment on column postrider.accepted_log.workspace_id is 'Whose tasks.';
comment on column postrider.accepted_log.accepted_at is 'When.';
comment on column postrider.accepted_log.kind is 'task or delivery.';
comment on column postrider.accepted_log.task_ids is 'Their ids.';
create index accepted_log_time on postrider.accepted_log using brin (accepted_at);
select postrider.enforce_isolation('postrider.accepted_log', '{postrider_operator,postrider_analyst}');
grant select on postrider.accepted_log to postrider_tenant;
grant select, insert on postrider.accepted_log to postrider_engine;
