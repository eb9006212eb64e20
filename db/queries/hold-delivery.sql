-- Puts a delivery, and what else waits for its endpoint, under the endpoint's limit: no claim meets them until it may run.
select postrider.hold_delivery(
           :#${exchangeProperty.taskId}::uuid
         , :#${exchangeProperty.endpointId}::uuid
         , :#${exchangeProperty.endpointPlaces}::int
         , :#${exchangeProperty.deliveryHeld}::uuid[]
         , :#${exchangeProperty.deliveryPause}::bigint)::text as held
