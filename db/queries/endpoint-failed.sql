-- Counts a failed attempt for its endpoint; says whether that opened its circuit, or disabled it.
select postrider.endpoint_failed(
           :#${exchangeProperty.endpointId}::uuid
         , :#${exchangeProperty.endpointUrl}
         , :#${exchangeProperty.deliveryError}
         , :#${exchangeProperty.endpointGone}::boolean
         , :#${exchangeProperty.endpointPause}::bigint
         , :#${exchangeProperty.disableAfter}::bigint) as change
