-- Looks for what makes the books differ, a step at a time; the first step of a run says what there is to do.
select * from postrider.reconcile_books(:#${exchangeProperty.first}::boolean)
