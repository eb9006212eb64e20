-- Replacing the encryption key: the engine puts back what a node has encrypted anew.

grant update on postrider.webhook_sources to postrider_engine;
grant select, update on postrider.webhook_endpoints to postrider_engine;
