-- What each node knows of the clients connected to it, so that every node can answer for all of them. A node replaces its
-- row when something has changed, every few seconds at most, and touches it every 15 seconds; a row that is older than a
-- minute is of a node that is gone. Unlogged, as a crash loses nothing that is not written again at once. No trigger: the
-- change log knows nothing of it.
CREATE UNLOGGED TABLE fleet_reports (
    node        text        NOT NULL,
    report      bytea       NOT NULL,
    reported_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT fleet_reports_pkey PRIMARY KEY (node)
);

COMMENT ON COLUMN fleet_reports.report IS 'JSON, gzipped if it is large';
