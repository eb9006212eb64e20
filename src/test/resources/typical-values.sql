-- What the queries of routes are explained with, by the names of their parameters: ids of last month of one workspace.
with w as (select ?::uuid as id, date_trunc('month', now()) - interval '1 month' as since, date_trunc('month', now()) as until)
, ids as materialized (
    select (select max(task_id::text) from postrider.background_tasks where workspace_id = id and created_at < until - interval '1 day') as task
         , (select max(dead_letter_id::text) from postrider.dead_letters where workspace_id = id and dead_at < until - interval '1 day') as dead_letter
         , (select max(replay_id::text) from postrider.replays where workspace_id = id and created_at < until - interval '1 day') as replay
         , (select max(event_id::text) from postrider.system_events where workspace_id = id and category = 'event' and occurred_at < until - interval '10 days') as event
         , (select max(receipt_id::text) from postrider.inbound_receipts where workspace_id = id and received_at < until - interval '10 days') as receipt
         , (select max(source_id::text) from postrider.inbound_receipts where workspace_id = id) as source
         , (select max(delivery_id::text) from postrider.deliveries where workspace_id = id and created_at < until - interval '10 days') as delivery
         , (select max(endpoint_id::text) from postrider.deliveries where workspace_id = id) as endpoint
         , (select max(schedule_id::text) from postrider.schedules where workspace_id = id and created_at < until - interval '10 days') as schedule
         , (select max(provider_ref_id) from postrider.billing_events where workspace_id = id) as ref
         , (select max(idempotency_key) from postrider.idempotency_keys where workspace_id = id) as idempotency_key
         , (select max(limit_key) from postrider.task_limits where workspace_id = id) as limit_key
         , (select max(asset_id::text) from postrider.workspace_assets where workspace_id = id and deleted_at is null) as asset
         , (select max(event_key) from postrider.event_keys where workspace_id = id) as event_key
         , since, until
      from w
), pages as (
    select *
         , jsonb_build_object('from', since, 'to', until, 'limit', 3) as first_page
         , jsonb_build_object('from', since, 'to', until, 'limit', 3, 'cursor', postrider.id_floor(until - interval '10 days')) as later_page
         , jsonb_build_object(
               'taskId', task, 'taskType', 'plans', 'payload', '{}'::jsonb, 'deadLetterId', dead_letter, 'reason', 'plans', 'eventId', event,
               'eventType', 'plans', 'eventKey', event_key, 'type', 'plans', 'receiptId', receipt, 'sourceId', source,
               'provider', 'stripe', 'providerRefId', ref, 'verdict', 'applied', 'deliveryId', delivery,
               'endpointId', endpoint, 'scheduleId', schedule, 'replayId', replay, 'status', 'paused', 'filter', jsonb_build_object('deadLetterIds', jsonb_build_array(dead_letter)), 'kind', 'task', 'url', 'https://example.com', 'eventTypes', '["plans"]'::jsonb,
               'secret', '', 'since', until - interval '1 day', 'scopes', '["inspect"]'::jsonb, 'name', 'plans',
               'limitKey', limit_key, 'maxRunning', 1, 'prefix', 'report-', 'assetId', asset,
               'items', jsonb_build_array(jsonb_build_object('taskType', 'plans', 'after', jsonb_build_array(task)))) as one
      from ids
)
select first_page as "first page"
     , later_page as "later page"
     , later_page || (one - 'eventId' - 'status') as "filtered"
     , one as "one"
     , one - 'filter' as "exchangeProperty.endpoint"
     , jsonb_build_object('every', 86400000, 'timeZone', 'UTC', 'enabled', true, 'nextTickAt', until + interval '1 year') as "exchangeProperty.timing"
     , event as "exchangeProperty.eventId"
     , idempotency_key as "exchangeProperty.idempotencyKey"
     , sha256('plans')::text as "exchangeProperty.requestHash"
     , 'plans' as "exchangeProperty.sourceKey"
     , '\x' as "exchangeProperty.sealedSecrets"
     , '1' as "exchangeProperty.secretCount"
     , 'https://example.com' as "exchangeProperty.publicUrl"
     , '200' as "exchangeProperty.success"
     , '{}' as "exchangeProperty.keptAnswer"
     , sha256('plans')::text as "exchangeProperty.newKeyHash"
     , delivery as "exchangeProperty.taskId"
     , '1' as "exchangeProperty.attempt"
     , jsonb_build_object('from', since + interval '10 days', 'to', since + interval '13 days') as "exchangeProperty.exportWanted"
     , jsonb_build_object('attachments', jsonb_build_array(asset, 'report-1.csv'), 'templates', jsonb_build_array('mail/plans.text.mustache'), 'attachmentBytes', 1000000) as "exchangeProperty.mailWanted"
     , '50' as "exchangeProperty.progressPercent"
     , 'half' as "exchangeProperty.progressText"
     , endpoint as "exchangeProperty.endpointId"
     , '16' as "exchangeProperty.endpointConcurrency"
     , '{}' as "exchangeProperty.deliveryHeld"
     , '16' as "exchangeProperty.endpointPlaces"
     , '0' as "exchangeProperty.deliveryPause"
     , 'https://example.com' as "exchangeProperty.endpointUrl"
     , 'plans' as "exchangeProperty.deliveryError"
     , 'false' as "exchangeProperty.endpointGone"
     , '0' as "exchangeProperty.endpointPause"
     , '432000000' as "exchangeProperty.disableAfter"
     , jsonb_build_object('sourceId', source, 'eventId', 'plans', 'refId', ref, 'version', 2, 'payload', '{}'::jsonb, 'headers', '{}'::jsonb) as "exchangeProperty.webhookReceipt"
     , '\x' as "exchangeProperty.webhookBody"
     , receipt as "exchangeProperty.receiptId"
     , jsonb_build_object('sourceId', source, 'from', until - interval '10 days', 'to', until - interval '9 days', 'jobId', 'plans') as "exchangeProperty.reprocessJob"
     , '{"days": 3}' as "bean:json?method=write(${body})"
     , 'day,tasks' as "body"
     , 'plans' as "exchangeProperty.sinkTaskType"
     , '{}' as "exchangeProperty.sinkPayload"
     , '0' as "exchangeProperty.sinkDelay"
     , '0' as "exchangeProperty.sinkPriorityRank"
     , 'plans' as "exchangeProperty.sinkUniqueKey"
     , 'plans' as "exchangeProperty.sinkOrderingKey"
     , 'plans' as "exchangeProperty.sinkLimitKey"
     , 'plans' as "exchangeProperty.sinkEventType"
     , event_key as "exchangeProperty.sinkEventKey"
     , 'stripe' as "exchangeProperty.sinkProvider"
     , ref as "exchangeProperty.sinkRefId"
     , '2' as "exchangeProperty.sinkVersion"
     , 'false' as "exchangeProperty.sinkDeleted"
     , source as "exchangeProperty.sinkSourceId"
     , until - interval '10 days' as "exchangeProperty.afterInsertedAt"
     , '00000000-0000-7000-8000-000000000000' as "exchangeProperty.afterAssetId"
  from pages
