-- Who forwards reports of usage under names, and which was counted last: the numbers of a sender rise, so that a report that
-- is sent again has one that is not above it. A row is written in the transaction of the counts it is about.
CREATE TABLE usage_senders (
    id      bytea       NOT NULL,
    number  bigint      NOT NULL,
    seen_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT usage_senders_pkey PRIMARY KEY (id),
    CONSTRAINT usage_senders_id_length CHECK (length(id) = 16),
    CONSTRAINT usage_senders_number_positive CHECK (number > 0)
);

CREATE INDEX usage_senders_seen_at_idx ON usage_senders (seen_at);

COMMENT ON COLUMN usage_senders.id IS 'drawn by the sender for one run and environment';
COMMENT ON COLUMN usage_senders.number IS 'of the newest report that was counted';
