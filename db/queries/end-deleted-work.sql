-- Ends what came into workspaces while they were being deleted.
select postrider.end_deleted_work()
