-- What no route may do.
select set_config('app.active_workspace', :#${exchangeProperty.otherWorkspace}, true)
