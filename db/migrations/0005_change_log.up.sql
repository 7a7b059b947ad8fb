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
    follows     bigint,
    CONSTRAINT change_log_pkey PRIMARY KEY (revision)
);

-- One row an entity and transaction. Most transactions have one row only, which is not in this index.
CREATE UNIQUE INDEX change_log_once_idx ON change_log (follows, kind, entity, project, environment) NULLS NOT DISTINCT
    WHERE follows IS NOT NULL;

COMMENT ON TABLE change_log IS 'Ordered log of everything that can alter what an SDK sees; written by triggers, read by replicas.';
COMMENT ON COLUMN change_log.kind IS 'feature | segment | project | project-environment | environment | token | setting | resync';
COMMENT ON COLUMN change_log.entity IS 'flag name, segment id, project id, environment name, token id, setting name; * for resync';
COMMENT ON COLUMN change_log.environment IS 'the one environment concerned, or NULL for all';
COMMENT ON COLUMN change_log.follows IS 'the first revision of the transaction, NULL in that row itself';

-- change_log_append is the only writer. It is idempotent an entity and transaction. It runs with its owner's rights, so
-- that a role without INSERT on change_log still cannot change a flag unnoticed.
--
-- It runs within every commit of a flag change, so the table has no check and one index only that a single row has to go
-- into, and a transaction's first row takes the short way. pennon.change holds the transaction's mark, its first revision
-- and its number of rows; like all that SET LOCAL sets it is undone by a rollback to a savepoint.
CREATE FUNCTION change_log_append(p_kind text, p_entity text, p_project text, p_environment text)
RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    v_state text := current_setting('pennon.change', true);
    v_mark  uuid;
    v_first bigint;
    v_count integer;
BEGIN
    IF v_state IS NULL OR v_state = '' THEN
        PERFORM pg_advisory_xact_lock(hashtextextended('pennon.change_log', 0)), pg_notify('pennon_changes', '');
        v_mark := gen_random_uuid();
        v_first := nextval('change_revision');
        INSERT INTO change_log (revision, mark, kind, entity, project, environment)
        VALUES (v_first, v_mark, p_kind, p_entity, p_project, p_environment);
        PERFORM set_config('pennon.change', concat_ws(' ', v_mark, v_first, 1), true);
        RETURN;
    END IF;
    v_mark := split_part(v_state, ' ', 1);
    v_first := split_part(v_state, ' ', 2);
    v_count := split_part(v_state, ' ', 3);
    IF v_count >= 1000 AND p_kind NOT IN ('token', 'setting') THEN
        -- Tokens and settings are few and take effect by name, so they are always written out.
        p_kind := 'resync'; p_entity := '*'; p_project := NULL; p_environment := NULL;
    END IF;
    IF EXISTS (
        SELECT FROM change_log c
        WHERE c.revision = v_first
            AND c.kind = p_kind
            AND c.entity = p_entity
            AND c.project IS NOT DISTINCT FROM p_project
            AND c.environment IS NOT DISTINCT FROM p_environment
    ) THEN
        RETURN;
    END IF;
    INSERT INTO change_log (revision, mark, kind, entity, project, environment, follows)
    VALUES (nextval('change_revision'), v_mark, p_kind, p_entity, p_project, p_environment, v_first)
    ON CONFLICT (follows, kind, entity, project, environment) WHERE follows IS NOT NULL DO NOTHING;
    IF FOUND THEN
        PERFORM set_config('pennon.change', concat_ws(' ', v_mark, v_first, v_count + 1), true);
    END IF;
END $$;

-- change_log_resync tells every replica to reload. For bulk loads that bypass the triggers
-- (session_replication_role = replica, pg_restore --disable-triggers).
CREATE FUNCTION change_log_resync() RETURNS void LANGUAGE sql AS $$
    SELECT change_log_append('resync', '*', NULL, NULL);
$$;
