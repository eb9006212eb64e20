-- Removes the limits of endpoints that were slow, or failed, and have caught up; where a node had few places it tries again.
select postrider.sweep_endpoint_limits(:#${bean:deliveryPreparation.concurrency}::int)
