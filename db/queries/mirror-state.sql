-- Writes a state that was fetched to the mirror of the transaction's workspace: kamelet:mirror-sink.
select postrider.mirror_state(
           :#${exchangeProperty.sinkProvider}
         , :#${exchangeProperty.sinkRefId}
         , :#${exchangeProperty.sinkVersion}::bigint
         , :#${exchangeProperty.sinkPayload}::jsonb
         , :#${exchangeProperty.sinkDeleted}::boolean
       ) as verdict
