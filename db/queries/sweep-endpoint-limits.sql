-- Removes the limits of endpoints that were slow, or failed, and have caught up.
select postrider.sweep_endpoint_limits()
