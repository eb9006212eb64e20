select postrider.change_workspace(:#${exchangeProperty.workspaceId}::uuid, 'suspended', 'while a handler runs')
