-- Nodes, dead letters, and what the books do not explain.
select g.nodes, g.dead_tasks, g.dead_deliveries, postrider.unaccounted() from postrider.gauges() g
