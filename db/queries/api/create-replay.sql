-- POST /v1/replays; dry, it counts the dead letters that the filter means, all of them.
select postrider.start_replay(filter, "ratePerSecond", reason, coalesce("dryRun", false))::text as body
  from jsonb_to_record(:#${exchangeProperty.request}::jsonb) as r (
       filter jsonb, "ratePerSecond" double precision, reason text, "dryRun" boolean)
