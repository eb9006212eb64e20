-- Nodes, dead letters, what the books do not explain, and how long vacuum has been held back.
select g.*, postrider.unaccounted() from postrider.gauges() g
