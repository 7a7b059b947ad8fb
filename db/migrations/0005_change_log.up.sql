-- The change log: what replicas read. Every statement that can alter what an SDK sees, whoever runs it, leaves rows here
-- in the same transaction, and rings one empty NOTIFY on the channel pennon_changes.
--
-- Order. The triggers are DEFERRED constraint triggers: they run at COMMIT, take one global transaction-level advisory
-- lock and only then draw revisions. So revisions rise strictly in commit order, the lock is the last one a transaction
-- takes (no deadlock with row locks), and a reader that has seen revision n will never see a lower one appear. Numbers
-- may have gaps; a reader must not wait for a missing one.
--
-- Coalescing. One row an entity and transaction; a transaction with more than 1,000 rows writes one 'resync' row instead
-- of the rest, which tells readers to reload everything.
--
-- mark. One random uuid a transaction. A reader that remembers (revision, mark) can tell a continued history from one
-- that was forked by a restore or a fail-over.

CREATE SEQUENCE change_revision AS bigint;

CREATE TABLE change_log (
    revision    bigint      NOT NULL,
    mark        uuid        NOT NULL,
    kind        text        NOT NULL,
    entity      text        NOT NULL,
    project     text,
    environment text,
    at          timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT change_log_pkey PRIMARY KEY (revision),
    CONSTRAINT change_log_once UNIQUE NULLS NOT DISTINCT (mark, kind, entity, project, environment),
    CONSTRAINT change_log_kind_known CHECK (kind IN ('feature', 'segment', 'project', 'project-environment', 'environment', 'token', 'setting', 'resync'))
);

CREATE INDEX change_log_at_idx ON change_log (at);

COMMENT ON TABLE change_log IS 'Ordered log of everything that can alter what an SDK sees; written by triggers, read by replicas.';
COMMENT ON COLUMN change_log.kind IS 'feature | segment | project | project-environment | environment | token | setting | resync';
COMMENT ON COLUMN change_log.entity IS 'flag name, segment id, project id, environment name, token id, setting name; * for resync';
COMMENT ON COLUMN change_log.environment IS 'the one environment concerned, or NULL for all';

-- change_log_append is the only writer. It is idempotent an entity and transaction. It runs with its owner's rights, so
-- that a role without INSERT on change_log still cannot change a flag unnoticed.
CREATE FUNCTION change_log_append(p_kind text, p_entity text, p_project text, p_environment text)
RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    v_mark  uuid    := nullif(current_setting('pennon.mark', true), '')::uuid;
    v_count integer := coalesce(nullif(current_setting('pennon.changes', true), '')::integer, 0);
BEGIN
    IF v_mark IS NULL THEN
        PERFORM pg_advisory_xact_lock(hashtextextended('pennon.change_log', 0));
        v_mark := gen_random_uuid();
        PERFORM set_config('pennon.mark', v_mark::text, true);
        PERFORM pg_notify('pennon_changes', '');
    ELSIF v_count >= 1000 AND p_kind NOT IN ('token', 'setting') THEN
        -- Tokens and settings are few and take effect by name, so they are always written out.
        p_kind := 'resync'; p_entity := '*'; p_project := NULL; p_environment := NULL;
    END IF;
    INSERT INTO change_log (revision, mark, kind, entity, project, environment)
    VALUES (nextval('change_revision'), v_mark, p_kind, p_entity, p_project, p_environment)
    ON CONFLICT ON CONSTRAINT change_log_once DO NOTHING;
    IF FOUND THEN
        PERFORM set_config('pennon.changes', (v_count + 1)::text, true);
    END IF;
END $$;

-- change_log_resync tells every replica to reload. For bulk loads that bypass the triggers
-- (session_replication_role = replica, pg_restore --disable-triggers).
CREATE FUNCTION change_log_resync() RETURNS void LANGUAGE sql AS $$
    SELECT change_log_append('resync', '*', NULL, NULL);
$$;
