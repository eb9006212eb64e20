-- Publishes an event in the workspace of the transaction: kamelet:event-sink.
select postrider.publish_event(
           :#${exchangeProperty.sinkEventType}
         , :#${exchangeProperty.sinkPayload}::jsonb
         , nullif(:#${exchangeProperty.sinkEventKey}, '')
       ) as event_id
