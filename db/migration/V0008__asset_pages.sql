-- A page of assets is read from its index alone: content is kept in the table's rows, so reading those is what costs.

-- What is in an index has to be short.
select postrider.for_each_workspace($$
    update postrider.workspace_assets set media_type = default where media_type !~ '^[ -~]{1,255}$' $$);
alter table postrider.workspace_assets add check (media_type ~ '^[ -~]{1,255}$');
drop index postrider.workspace_assets_page;
create index workspace_assets_page on postrider.workspace_assets (workspace_id, inserted_at desc, asset_id desc)
    include (name, media_type) where deleted_at is null;
