-- Nodes and dead letters.
select nodes, dead_tasks, dead_deliveries from postrider.gauges()
