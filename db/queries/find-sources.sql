-- The source of a provider in the transaction's workspace, or two if there are several: kamelet:webhook-sink; the primary key.
select source_id, workspace_id, secrets, enabled
  from postrider.webhook_sources
 where provider = :#${exchangeProperty.sinkProvider}
   and (:#${exchangeProperty.sinkSourceId} = '' or source_id = nullif(:#${exchangeProperty.sinkSourceId}, '')::uuid)
 order by source_id
 limit 2
