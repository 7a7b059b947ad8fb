-- The identity of this instance: one row, made once. Every node of the instance and every restore of it has the same.
CREATE TABLE instance (
    only_row   boolean     NOT NULL DEFAULT true,
    id         uuid        NOT NULL DEFAULT gen_random_uuid(),
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT instance_pkey PRIMARY KEY (only_row),
    CONSTRAINT instance_one_row CHECK (only_row)
);

INSERT INTO instance DEFAULT VALUES;
