DROP INDEX events_group_idx;
DROP INDEX events_environment_idx;
DROP INDEX events_created_by_idx;
DROP TRIGGER events_position ON events;
DROP FUNCTION event_position();
DROP TABLE event_positions;
