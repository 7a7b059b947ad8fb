-- API tokens and the audit trail.

-- kind: client (back-end SDKs), frontend (browsers and apps), admin (the Admin API).
-- all_projects is explicit so that a token whose last project is deleted sees nothing rather than everything.
-- environment is NULL for admin tokens only. secret_hash is the SHA-256 of the whole secret and is what requests are
-- looked up by; secret keeps the text for clients that read it back (as Unleash's API and operators do).
CREATE TABLE api_tokens (
    id                 bigint      NOT NULL GENERATED ALWAYS AS IDENTITY,
    secret_hash        bytea       NOT NULL,
    secret             text,
    name               text        NOT NULL,
    kind               text        NOT NULL,
    environment        text,
    all_projects       boolean     NOT NULL DEFAULT false,
    alias              text,
    created_at         timestamptz NOT NULL DEFAULT now(),
    created_by_user_id integer,
    expires_at         timestamptz,
    CONSTRAINT api_tokens_pkey PRIMARY KEY (id),
    CONSTRAINT api_tokens_secret_hash_key UNIQUE (secret_hash),
    CONSTRAINT api_tokens_secret_hash_length CHECK (length(secret_hash) = 32),
    CONSTRAINT api_tokens_name_length CHECK (length(name) BETWEEN 1 AND 255),
    CONSTRAINT api_tokens_kind_known CHECK (kind IN ('client', 'frontend', 'admin')),
    CONSTRAINT api_tokens_scope CHECK (
        (kind = 'admin' AND environment IS NULL AND all_projects) OR (kind <> 'admin' AND environment IS NOT NULL)
    ),
    CONSTRAINT api_tokens_environment_fkey FOREIGN KEY (environment) REFERENCES environments (name) ON UPDATE CASCADE ON DELETE CASCADE
);

CREATE INDEX api_tokens_name_idx ON api_tokens (name);

CREATE TABLE api_token_projects (
    token_id bigint NOT NULL,
    project  text   NOT NULL,
    CONSTRAINT api_token_projects_pkey PRIMARY KEY (token_id, project),
    CONSTRAINT api_token_projects_token_fkey FOREIGN KEY (token_id) REFERENCES api_tokens (id) ON DELETE CASCADE,
    CONSTRAINT api_token_projects_project_fkey FOREIGN KEY (project) REFERENCES projects (id) ON UPDATE CASCADE ON DELETE CASCADE
);

CREATE TABLE api_token_last_seen (
    token_id     bigint      NOT NULL,
    last_seen_at timestamptz NOT NULL,
    CONSTRAINT api_token_last_seen_pkey PRIMARY KEY (token_id),
    CONSTRAINT api_token_last_seen_token_fkey FOREIGN KEY (token_id) REFERENCES api_tokens (id) ON DELETE CASCADE
);

-- Audit events: the product's history. One row a write, in the write's own transaction. No foreign keys: history
-- outlives what it is about.
CREATE TABLE events (
    id                 bigint      NOT NULL GENERATED ALWAYS AS IDENTITY,
    type               text        NOT NULL,
    created_at         timestamptz NOT NULL DEFAULT now(),
    created_by         text        NOT NULL,
    created_by_user_id integer,
    project            text,
    environment        text,
    feature            text,
    data               jsonb,
    pre_data           jsonb,
    tags               jsonb       NOT NULL DEFAULT '[]',
    ip                 text,
    request_id         text,
    group_type         text,
    group_id           text,
    CONSTRAINT events_pkey PRIMARY KEY (id),
    CONSTRAINT events_type_length CHECK (length(type) BETWEEN 1 AND 100)
);

CREATE INDEX events_feature_idx ON events (feature, id) WHERE feature IS NOT NULL;
CREATE INDEX events_project_idx ON events (project, id) WHERE project IS NOT NULL;
CREATE INDEX events_type_idx ON events (type, id);
CREATE INDEX events_created_at_idx ON events (created_at);
