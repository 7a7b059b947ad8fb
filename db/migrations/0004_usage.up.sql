-- What SDKs report. Nothing here is watched by the change log: usage writes never notify anybody.

-- Evaluations by flag, application, environment and hour. feature has no foreign key: SDKs also count flags that do not
-- exist, and history outlives its flag.
CREATE TABLE client_metrics (
    feature     text        NOT NULL,
    app_name    text        NOT NULL,
    environment text        NOT NULL,
    hour        timestamptz NOT NULL,
    yes         bigint      NOT NULL DEFAULT 0,
    no          bigint      NOT NULL DEFAULT 0,
    CONSTRAINT client_metrics_pkey PRIMARY KEY (feature, app_name, environment, hour),
    CONSTRAINT client_metrics_counts_not_negative CHECK (yes >= 0 AND no >= 0)
);

CREATE INDEX client_metrics_hour_idx ON client_metrics (hour);

CREATE TABLE client_metrics_variants (
    feature     text        NOT NULL,
    app_name    text        NOT NULL,
    environment text        NOT NULL,
    hour        timestamptz NOT NULL,
    variant     text        NOT NULL,
    count       bigint      NOT NULL DEFAULT 0,
    CONSTRAINT client_metrics_variants_pkey PRIMARY KEY (feature, app_name, environment, hour, variant),
    CONSTRAINT client_metrics_variants_count_not_negative CHECK (count >= 0)
);

CREATE INDEX client_metrics_variants_hour_idx ON client_metrics_variants (hour);

CREATE TABLE client_applications (
    app_name   text        NOT NULL,
    strategies jsonb       NOT NULL DEFAULT '[]',
    created_at timestamptz NOT NULL DEFAULT now(),
    seen_at    timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT client_applications_pkey PRIMARY KEY (app_name)
);

CREATE TABLE client_instances (
    app_name         text        NOT NULL,
    instance_id      text        NOT NULL,
    environment      text        NOT NULL,
    connection_id    text,
    sdk_version      text,
    sdk_type         text,
    platform_name    text,
    platform_version text,
    spec_version     text,
    client_ip        text,
    started_at       timestamptz,
    created_at       timestamptz NOT NULL DEFAULT now(),
    seen_at          timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT client_instances_pkey PRIMARY KEY (app_name, environment, instance_id)
);
