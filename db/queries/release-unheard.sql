-- Gives back what was claimed in this node's name and never reached it: all but what it knows of.
select * from postrider.release_unheard(?, ?, ?)
