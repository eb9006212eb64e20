-- Says that this node stopped in order.
select postrider.retire_node(?)
