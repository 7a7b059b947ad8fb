DROP TABLE integration_events;
DROP TRIGGER events_announce ON events;
DROP FUNCTION addon_announce();
DROP TABLE addon_outbox;
DROP TABLE addons;
