-- Says that this node lives, and what it handles; tells whether its lease held, and what there is to do.
select * from postrider.renew_lease(:#${bean:node.getId}, :#${bean:node.getHost}, :#${bean:handlers.declarations}::jsonb)
