-- Answers to writes that callers named with an idempotency key, kept for a day so that a repeated request is answered and
-- not done again. A row is written in the transaction of the write it is about. Nothing here can be read without the
-- caller's credential and key: both hashes are keyed with them and the answer, which may hold a secret, is encrypted.
CREATE TABLE idempotency_keys (
    id          bytea       NOT NULL,
    fingerprint bytea       NOT NULL,
    answer      bytea       NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT idempotency_keys_pkey PRIMARY KEY (id),
    CONSTRAINT idempotency_keys_id_length CHECK (length(id) = 32),
    CONSTRAINT idempotency_keys_fingerprint_length CHECK (length(fingerprint) = 32)
);

CREATE INDEX idempotency_keys_created_at_idx ON idempotency_keys (created_at);

COMMENT ON COLUMN idempotency_keys.id IS 'derived from the caller''s credential and the key';
COMMENT ON COLUMN idempotency_keys.fingerprint IS 'keyed hash of method, path, query and body';
COMMENT ON COLUMN idempotency_keys.answer IS 'status, header and body, sealed with AES-256-GCM';
