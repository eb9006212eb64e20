-- Says how far the handler's task is: kamelet:task-progress.
select postrider.report_progress(
           :#${exchangeProperty.taskId}::uuid
         , :#${exchangeProperty.attempt}::int
         , round(nullif(:#${exchangeProperty.progressPercent}::text, '')::numeric)::int
         , nullif(:#${exchangeProperty.progressText}::text, '')
       ) as reported
