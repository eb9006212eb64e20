-- Workspaces, what belongs to them, and the rule that keeps them apart.

-- Time-ordered ids (UUIDv7): built in since PostgreSQL 18.
do $$
begin
    if current_setting('server_version_num')::int >= 180000 then
        create function postrider.new_id() returns uuid language sql volatile parallel safe
        return uuidv7();
    else
        create function postrider.new_id() returns uuid language sql volatile parallel safe
        return encode(
            set_bit(set_bit(
                overlay(uuid_send(gen_random_uuid())
                        placing substring(int8send((extract(epoch from clock_timestamp()) * 1000)::bigint) from 3)
                        from 1 for 6),
                52, 1), 53, 1), 'hex')::uuid;
    end if;
end $$;
comment on function postrider.new_id is 'A new UUIDv7: unique, and ordered by time to the millisecond.';

create function postrider.id_floor(moment timestamptz) returns uuid language sql stable parallel safe strict
return (lpad(to_hex((extract(epoch from moment) * 1000)::bigint), 12, '0') || '70008000000000000000')::uuid;
comment on function postrider.id_floor is 'The smallest UUIDv7 of a moment: a time range becomes a range of ids, so lists need no second index.';

create function postrider.active_workspace() returns uuid language sql stable parallel safe
return nullif(current_setting('app.active_workspace', true), '')::uuid;
comment on function postrider.active_workspace is 'The workspace of this transaction, or null.';

create function postrider.required_workspace() returns uuid language plpgsql stable as $$
begin
    if postrider.active_workspace() is null then
        raise sqlstate 'PR403' using
            message = 'no workspace is set in this transaction',
            hint = 'Call select set_config(''app.active_workspace'', <workspace id>, true) first, in the same transaction.';
    end if;
    return postrider.active_workspace();
end $$;
comment on function postrider.required_workspace is 'The workspace of this transaction; an error (PR403) when none is set.';

-- Row-level security for one table: enabled, forced, and a policy per group. The sub-select is evaluated once per query.
-- Readers see all workspaces: the engine always, because its functions serve all; operators and analysts by argument.
create function postrider.enforce_isolation(target regclass, readers name[] default '{}') returns void
    language plpgsql as $$
declare
    own constant text := 'workspace_id = (select nullif(current_setting(''app.active_workspace'', true), '''')::uuid)';
    reader name;
begin
    execute format('alter table %s enable row level security', target);
    execute format('alter table %s force row level security', target);
    execute format('create policy own_workspace on %s to postrider_owner, postrider_tenant, postrider_producer using (%s) with check (%s)',
                   target, own, own);
    execute format('create policy engine on %s to postrider_engine using (true) with check (true)', target);
    foreach reader in array readers loop
        execute format('create policy %I on %s for select to %I using (true)', 'read_by_' || reader, target, reader);
        execute format('grant select on %s to %I', target, reader);
    end loop;
end $$;
comment on function postrider.enforce_isolation is 'Enables and forces row-level security on a table of Postrider, with one policy per group.';

create function postrider.isolate(table_name regclass) returns void language plpgsql as $$
begin
    if not exists (select from pg_attribute where attrelid = table_name and attname = 'workspace_id'
                   and atttypid = 'uuid'::regtype and attnotnull and not attisdropped) then
        raise sqlstate 'PR400' using
            message = format('%s has no column "workspace_id uuid not null"', table_name),
            hint = 'Add the column, then call isolate again.';
    end if;
    perform postrider.enforce_isolation(table_name, array ['postrider_analyst']);
    execute format('grant select, insert, update, delete on %s to postrider_tenant', table_name);
    if not exists (select from pg_index i join pg_attribute a on a.attrelid = i.indrelid and a.attnum = i.indkey[0]
                   where i.indrelid = table_name and a.attname = 'workspace_id') then
        raise notice '% has no index that starts with workspace_id: every query of a workspace reads the whole table', table_name;
    end if;
end $$;
comment on function postrider.isolate is 'Gives a team''s own table the isolation of Postrider''s tables: policies, FORCE and the grants of handlers. The caller owns the table.';

grant usage on schema postrider to postrider_engine, postrider_dispatcher, postrider_tenant, postrider_producer,
    postrider_operator, postrider_analyst;
grant create on schema postrider to postrider_engine;
alter default privileges revoke execute on functions from public;
revoke execute on all functions in schema postrider from public;
grant execute on function postrider.new_id, postrider.id_floor, postrider.active_workspace, postrider.required_workspace
    to postrider_engine, postrider_dispatcher, postrider_tenant, postrider_producer, postrider_operator, postrider_analyst;

create table postrider.workspaces (
    workspace_id uuid        primary key default postrider.new_id(),
    name         text        not null check (char_length(name) between 1 and 200),
    created_at   timestamptz not null default now()
);
comment on table postrider.workspaces is 'The accounts: everything that Postrider holds belongs to one of them.';
comment on column postrider.workspaces.workspace_id is 'The id, ours or the team''s own.';
comment on column postrider.workspaces.name is 'The name that operators see.';
comment on column postrider.workspaces.created_at is 'When the workspace was made.';
select postrider.enforce_isolation('postrider.workspaces', '{postrider_operator,postrider_analyst}');
grant select on postrider.workspaces to postrider_tenant;
grant select, insert on postrider.workspaces to postrider_engine;

create table postrider.workspace_assets (
    asset_id     uuid        primary key default postrider.new_id(),
    workspace_id uuid        not null references postrider.workspaces,
    name         text        not null check (char_length(name) between 1 and 500),
    media_type   text        not null default 'application/octet-stream',
    content      bytea       not null default '',
    inserted_at  timestamptz not null default now(),
    deleted_at   timestamptz
);
comment on table postrider.workspace_assets is 'Files of a workspace: reports that tasks made, attachments for mail.';
comment on column postrider.workspace_assets.asset_id is 'The id.';
comment on column postrider.workspace_assets.workspace_id is 'The owner.';
comment on column postrider.workspace_assets.name is 'The file''s name, unique among the assets that are not deleted.';
comment on column postrider.workspace_assets.media_type is 'The content''s media type.';
comment on column postrider.workspace_assets.content is 'The bytes.';
comment on column postrider.workspace_assets.inserted_at is 'When the asset was written.';
comment on column postrider.workspace_assets.deleted_at is 'When it was deleted; null while it is there.';
create index workspace_assets_page on postrider.workspace_assets (workspace_id, inserted_at desc);
create unique index workspace_assets_name on postrider.workspace_assets (workspace_id, name) where deleted_at is null;
select postrider.enforce_isolation('postrider.workspace_assets', '{postrider_analyst}');
grant select, insert, update, delete on postrider.workspace_assets to postrider_tenant;

create table postrider.api_keys (
    key_id       uuid        primary key default postrider.new_id(),
    workspace_id uuid        not null,
    key_hash     bytea       not null unique check (octet_length(key_hash) = 32),
    scopes       text[]      not null check (scopes <@ '{produce,inspect}' and cardinality(scopes) > 0),
    created_at   timestamptz not null default now(),
    revoked_at   timestamptz
);
comment on table postrider.api_keys is 'Keys of the HTTP API, stored as hashes only.';
comment on column postrider.api_keys.key_id is 'The id, for audit.';
comment on column postrider.api_keys.workspace_id is 'The workspace that the key opens; the nil UUID for an operator''s key.';
comment on column postrider.api_keys.key_hash is 'SHA-256 of the key: a key has 256 random bits, so it needs no slow hash. We choose the key, so its uniqueness tells a tenant nothing.';
comment on column postrider.api_keys.scopes is 'produce: enqueue and publish; inspect: read, replay, discard, endpoints and sources.';
comment on column postrider.api_keys.created_at is 'When the key was made.';
comment on column postrider.api_keys.revoked_at is 'Since when it opens nothing; null while it is valid.';
select postrider.enforce_isolation('postrider.api_keys');
grant select, insert, update on postrider.api_keys to postrider_engine;

create table postrider.idempotency_keys (
    workspace_id    uuid        not null,
    idempotency_key text        not null check (char_length(idempotency_key) between 1 and 255),
    request_hash    bytea       not null,
    status          int,
    response        text,
    created_at      timestamptz not null default now(),
    primary key (workspace_id, idempotency_key)
);
comment on table postrider.idempotency_keys is 'Answers already given to POST requests that carried an Idempotency-Key; kept for 24 hours.';
comment on column postrider.idempotency_keys.workspace_id is 'Whose request; the nil UUID for an operator''s.';
comment on column postrider.idempotency_keys.idempotency_key is 'The header''s value.';
comment on column postrider.idempotency_keys.request_hash is 'SHA-256 over operation, path and body: the same key with another request is refused.';
comment on column postrider.idempotency_keys.status is 'The status that was answered.';
comment on column postrider.idempotency_keys.response is 'The body that was answered.';
comment on column postrider.idempotency_keys.created_at is 'When the request came.';
create index idempotency_keys_age on postrider.idempotency_keys (created_at);
select postrider.enforce_isolation('postrider.idempotency_keys');
grant select, insert, update, delete on postrider.idempotency_keys to postrider_tenant;
grant select, delete on postrider.idempotency_keys to postrider_engine;
