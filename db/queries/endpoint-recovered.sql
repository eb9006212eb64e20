-- An endpoint whose attempts had failed has answered well again; says whether that closed its circuit.
select postrider.endpoint_recovered(
           :#${exchangeProperty.endpointId}::uuid
         , :#${exchangeProperty.endpointConcurrency}::int) as change
