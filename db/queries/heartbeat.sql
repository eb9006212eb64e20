-- Says that this node lives, and what it handles.
select postrider.heartbeat(:#${bean:node.getId}, :#${bean:node.getHost}, :#${bean:handlers.declarations}::jsonb)
