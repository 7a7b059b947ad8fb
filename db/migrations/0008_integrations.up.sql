-- Integrations ("addons" in Unleash's API): who is told of which audit events, and what became of it.

-- events, projects and environments are what the integration wants to hear of; no projects or no environments: all of them.
-- parameters hold secrets (URLs with tokens in them, keys) and never leave the server unmasked.
CREATE TABLE addons (
    id           integer     NOT NULL GENERATED ALWAYS AS IDENTITY,
    provider     text        NOT NULL,
    description  text,
    enabled      boolean     NOT NULL,
    parameters   jsonb       NOT NULL DEFAULT '{}',
    events       text[]      NOT NULL DEFAULT '{}',
    projects     text[]      NOT NULL DEFAULT '{}',
    environments text[]      NOT NULL DEFAULT '{}',
    created_at   timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT addons_pkey PRIMARY KEY (id),
    CONSTRAINT addons_provider_length CHECK (length(provider) BETWEEN 1 AND 100),
    CONSTRAINT addons_parameters_object CHECK (jsonb_typeof(parameters) = 'object')
);

-- The outbox: one row for each event and each integration that wants it, until it has become a job.
--
-- The rows are made in the transaction that writes the event, by the trigger below, so there is never an event without them
-- and no endpoint can forget. They are taken by being there, not by a position in events: ids are given before commit, so
-- a cursor on them would step over events of transactions that commit late. There are no foreign keys: they would make
-- writers wait for whoever deletes an integration, and fail after it. Rows of integrations that are gone deliver nothing.
CREATE TABLE addon_outbox (
    event_id bigint  NOT NULL,
    addon_id integer NOT NULL,
    CONSTRAINT addon_outbox_pkey PRIMARY KEY (event_id, addon_id)
);

-- Events that belong to no project or no environment pass the filter on it. Without integrations this reads one empty table.
CREATE FUNCTION addon_announce() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO addon_outbox (event_id, addon_id)
    SELECT e.id, a.id
    FROM new_events e
    JOIN addons a ON a.enabled
        AND e.type = ANY (a.events)
        AND (e.project IS NULL OR a.projects = '{}' OR '*' = ANY (a.projects) OR e.project = ANY (a.projects))
        AND (e.environment IS NULL OR a.environments = '{}' OR '*' = ANY (a.environments) OR e.environment = ANY (a.environments))
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END
$$;

CREATE TRIGGER events_announce AFTER INSERT ON events
REFERENCING NEW TABLE AS new_events
FOR EACH STATEMENT EXECUTE FUNCTION addon_announce();

-- The delivery log: one row an attempt.
CREATE TABLE integration_events (
    id            bigint      NOT NULL GENERATED ALWAYS AS IDENTITY,
    addon_id      integer     NOT NULL,
    event_id      bigint      NOT NULL,
    created_at    timestamptz NOT NULL DEFAULT now(),
    state         text        NOT NULL,
    state_details text        NOT NULL,
    details       jsonb       NOT NULL DEFAULT '{}',
    CONSTRAINT integration_events_pkey PRIMARY KEY (id),
    CONSTRAINT integration_events_state_known CHECK (state IN ('success', 'failed', 'successWithErrors')),
    CONSTRAINT integration_events_addon_fkey FOREIGN KEY (addon_id) REFERENCES addons (id) ON DELETE CASCADE
);

CREATE INDEX integration_events_addon_idx ON integration_events (addon_id, id);
