-- Workspaces can be suspended for a while, and given up.

alter table postrider.workspaces
    add column workspace_status text not null default 'active'
        check (workspace_status in ('active', 'suspended', 'deleted'));
comment on column postrider.workspaces.workspace_status is 'active; suspended: its keys are refused, its sources paused, its tasks wait; deleted, for good: its keys and sources are unknown, what waited is cancelled, its dead letters are discarded; the rows remain until they are erased.';
-- Claims step over these; they are few.
create index workspaces_closed on postrider.workspaces (workspace_id) where workspace_status <> 'active';
grant update on postrider.workspaces to postrider_engine;
grant delete on postrider.dead_letters to postrider_engine;
