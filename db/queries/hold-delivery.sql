-- Puts a delivery, and what else waits for its endpoint, under the endpoint's limit: no claim meets them until it may run.
select postrider.hold_delivery(
           :#${exchangeProperty.taskId}::uuid
         , :#${exchangeProperty.endpointId}::uuid
         , :#${exchangeProperty.endpointConcurrency}::int
         , :#${exchangeProperty.deliveryHeld}::uuid[])::text as held
