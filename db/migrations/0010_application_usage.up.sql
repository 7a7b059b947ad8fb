-- Which application asks for what.

-- Flags by application and environment, of flags that exist. Apart from client_metrics, which has a row an hour.
CREATE TABLE application_features (
    app_name    text        NOT NULL,
    environment text        NOT NULL,
    feature     text        NOT NULL,
    seen_at     timestamptz NOT NULL,
    CONSTRAINT application_features_pkey PRIMARY KEY (app_name, environment, feature),
    CONSTRAINT application_features_feature_fkey FOREIGN KEY (feature) REFERENCES features (name) ON UPDATE CASCADE ON DELETE CASCADE,
    CONSTRAINT application_features_environment_fkey FOREIGN KEY (environment) REFERENCES environments (name) ON UPDATE CASCADE ON DELETE CASCADE
);

CREATE INDEX application_features_feature_idx ON application_features (feature, app_name);
CREATE INDEX application_features_environment_idx ON application_features (environment);

INSERT INTO application_features (app_name, environment, feature, seen_at)
SELECT m.app_name, m.environment, m.feature, max(m.hour)
FROM client_metrics m
JOIN features f ON f.name = m.feature
JOIN environments e ON e.name = m.environment
GROUP BY m.app_name, m.environment, m.feature;

-- Names that applications ask for and no flag has. Anybody with a token can make them up, so their number is bounded by
-- the writer.
CREATE TABLE unknown_flags (
    name        text        NOT NULL,
    app_name    text        NOT NULL,
    environment text        NOT NULL,
    seen_at     timestamptz NOT NULL,
    CONSTRAINT unknown_flags_pkey PRIMARY KEY (name, app_name, environment)
);

CREATE INDEX unknown_flags_app_idx ON unknown_flags (app_name, environment);

-- What people say of an application.
ALTER TABLE client_applications
    ADD COLUMN description text,
    ADD COLUMN url         text,
    ADD COLUMN color       text,
    ADD COLUMN icon        text;
