-- Reading the audit trail: a safe order to follow it by, and indexes for its filters.

-- Ids of events are given before commit, so a reader that remembers the last id it saw steps over events of transactions
-- that commit late. Positions are given at commit, under the lock that orders the change log: whoever has read position n
-- will never see a lower one appear. The lock is the same one, so that a transaction never waits for two. No foreign key:
-- it would touch every event twice, and a position without an event shows nothing.
CREATE TABLE event_positions (
    position bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    event_id bigint NOT NULL,
    CONSTRAINT event_positions_pkey PRIMARY KEY (position)
);

INSERT INTO event_positions (event_id) SELECT id FROM events ORDER BY id;

CREATE FUNCTION event_position() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('pennon.change_log', 0));
    INSERT INTO event_positions (event_id) VALUES (NEW.id);
    RETURN NULL;
END $$;

CREATE CONSTRAINT TRIGGER events_position AFTER INSERT ON events
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION event_position();

-- Every filter of the event search, newest first.
CREATE INDEX events_created_by_idx ON events (created_by_user_id, id);
CREATE INDEX events_environment_idx ON events (environment, id) WHERE environment IS NOT NULL;
CREATE INDEX events_group_idx ON events (group_id, id) WHERE group_id IS NOT NULL;
