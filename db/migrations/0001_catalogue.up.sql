-- The catalogue: projects, environments and the vocabularies flags are described with.
-- Every table lives in the schema that is first on the migrating role's search_path (normally public).

CREATE TABLE projects (
    id                         text        NOT NULL,
    name                       text        NOT NULL,
    description                text,
    mode                       text        NOT NULL DEFAULT 'open',
    default_stickiness         text        NOT NULL DEFAULT 'default',
    feature_limit              integer,
    feature_naming_pattern     text,
    feature_naming_example     text,
    feature_naming_description text,
    created_at                 timestamptz NOT NULL DEFAULT now(),
    updated_at                 timestamptz NOT NULL DEFAULT now(),
    archived_at                timestamptz,
    CONSTRAINT projects_pkey PRIMARY KEY (id),
    CONSTRAINT projects_id_url_friendly CHECK (id ~ '^[A-Za-z0-9_~.-]{1,100}$' AND id NOT IN ('.', '..')),
    CONSTRAINT projects_name_length CHECK (length(name) BETWEEN 1 AND 255),
    CONSTRAINT projects_mode_known CHECK (mode IN ('open', 'protected', 'private')),
    CONSTRAINT projects_feature_limit_positive CHECK (feature_limit > 0)
);

CREATE TABLE environments (
    name               text        NOT NULL,
    type               text        NOT NULL,
    sort_order         integer     NOT NULL DEFAULT 9999,
    enabled            boolean     NOT NULL DEFAULT true,
    protected          boolean     NOT NULL DEFAULT false,
    required_approvals integer,
    created_at         timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT environments_pkey PRIMARY KEY (name),
    CONSTRAINT environments_name_url_friendly CHECK (name ~ '^[A-Za-z0-9_~.-]{1,100}$' AND name NOT IN ('.', '..')),
    CONSTRAINT environments_type_length CHECK (length(type) BETWEEN 1 AND 100),
    CONSTRAINT environments_required_approvals_positive CHECK (required_approvals > 0)
);

-- Which environments a project uses. A flag is off in an environment that its project does not use.
CREATE TABLE project_environments (
    project          text  NOT NULL,
    environment      text  NOT NULL,
    default_strategy jsonb,
    CONSTRAINT project_environments_pkey PRIMARY KEY (project, environment),
    CONSTRAINT project_environments_project_fkey FOREIGN KEY (project) REFERENCES projects (id) ON DELETE CASCADE,
    CONSTRAINT project_environments_environment_fkey FOREIGN KEY (environment) REFERENCES environments (name) ON UPDATE CASCADE ON DELETE CASCADE,
    CONSTRAINT project_environments_default_strategy_object CHECK (jsonb_typeof(default_strategy) = 'object')
);

CREATE INDEX project_environments_environment_idx ON project_environments (environment);

-- Kinds of flags and how many days each is expected to live (NULL: forever).
CREATE TABLE feature_types (
    id            text    NOT NULL,
    name          text    NOT NULL,
    description   text    NOT NULL DEFAULT '',
    lifetime_days integer,
    CONSTRAINT feature_types_pkey PRIMARY KEY (id),
    CONSTRAINT feature_types_lifetime_positive CHECK (lifetime_days > 0)
);

CREATE TABLE context_fields (
    name         text        NOT NULL,
    description  text,
    sort_order   integer     NOT NULL DEFAULT 10,
    legal_values jsonb       NOT NULL DEFAULT '[]',
    stickiness   boolean     NOT NULL DEFAULT false,
    project      text,
    created_at   timestamptz NOT NULL DEFAULT now(),
    updated_at   timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT context_fields_pkey PRIMARY KEY (name),
    CONSTRAINT context_fields_name_length CHECK (length(name) BETWEEN 1 AND 100),
    CONSTRAINT context_fields_legal_values_array CHECK (jsonb_typeof(legal_values) = 'array'),
    CONSTRAINT context_fields_project_fkey FOREIGN KEY (project) REFERENCES projects (id) ON DELETE CASCADE
);

-- Strategy types: the built-in ones and those an organisation adds for its own SDK extensions.
CREATE TABLE strategy_types (
    name         text        NOT NULL,
    display_name text,
    description  text        NOT NULL DEFAULT '',
    parameters   jsonb       NOT NULL DEFAULT '[]',
    built_in     boolean     NOT NULL DEFAULT false,
    deprecated   boolean     NOT NULL DEFAULT false,
    sort_order   integer     NOT NULL DEFAULT 9999,
    created_at   timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT strategy_types_pkey PRIMARY KEY (name),
    CONSTRAINT strategy_types_name_length CHECK (length(name) BETWEEN 1 AND 255),
    CONSTRAINT strategy_types_parameters_array CHECK (jsonb_typeof(parameters) = 'array')
);

CREATE TABLE tag_types (
    name        text        NOT NULL,
    description text        NOT NULL DEFAULT '',
    icon        text,
    color       text,
    created_at  timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT tag_types_pkey PRIMARY KEY (name),
    CONSTRAINT tag_types_name_length CHECK (length(name) BETWEEN 2 AND 50)
);

CREATE TABLE tags (
    type       text        NOT NULL,
    value      text        NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT tags_pkey PRIMARY KEY (type, value),
    CONSTRAINT tags_type_fkey FOREIGN KEY (type) REFERENCES tag_types (name) ON DELETE CASCADE,
    CONSTRAINT tags_value_length CHECK (length(value) BETWEEN 2 AND 50)
);

-- Instance-wide settings, one JSON document a name.
CREATE TABLE settings (
    name       text        NOT NULL,
    content    jsonb       NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT settings_pkey PRIMARY KEY (name)
);
