-- Takes in a webhook, verified or not, in the workspace of the transaction: kamelet:webhook-source.
select receipt_id, verdict, reason
  from postrider.receive_webhook(:#${exchangeProperty.webhookReceipt}::jsonb, :#${exchangeProperty.webhookBody})
