-- What is wrong with the payload of an events-export; null: nothing.
select postrider.checked_export(:#${exchangeProperty.exportWanted}::jsonb) as problem
