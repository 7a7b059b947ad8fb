-- What people keep with flags, how far flags have come, and indexes for finding them.

-- Pages outside that belong to a flag: its issue, its dashboard.
CREATE TABLE feature_links (
    id         text        NOT NULL,
    feature    text        NOT NULL,
    url        text        NOT NULL,
    title      text,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT feature_links_pkey PRIMARY KEY (id),
    CONSTRAINT feature_links_feature_fkey FOREIGN KEY (feature) REFERENCES features (name) ON UPDATE CASCADE ON DELETE CASCADE,
    CONSTRAINT feature_links_url_length CHECK (length(url) BETWEEN 1 AND 2000),
    CONSTRAINT feature_links_title_length CHECK (length(title) <= 255)
);

CREATE INDEX feature_links_feature_idx ON feature_links (feature, created_at, id);

-- Favourites of users. The ids include those of actors that are no users, so there is no foreign key.
CREATE TABLE feature_favorites (
    user_id    integer     NOT NULL,
    feature    text        NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT feature_favorites_pkey PRIMARY KEY (user_id, feature),
    CONSTRAINT feature_favorites_feature_fkey FOREIGN KEY (feature) REFERENCES features (name) ON UPDATE CASCADE ON DELETE CASCADE
);

CREATE INDEX feature_favorites_feature_idx ON feature_favorites (feature);

CREATE TABLE project_favorites (
    user_id    integer     NOT NULL,
    project    text        NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT project_favorites_pkey PRIMARY KEY (user_id, project),
    CONSTRAINT project_favorites_project_fkey FOREIGN KEY (project) REFERENCES projects (id) ON UPDATE CASCADE ON DELETE CASCADE
);

CREATE INDEX project_favorites_project_idx ON project_favorites (project);

-- When a flag reached the stages of its life that features does not tell: initial is created_at there, archived is
-- archived_at. A table of its own because usage drives it, which must not touch a watched table. No row: initial.
CREATE TABLE feature_lifecycles (
    feature      text NOT NULL,
    pre_live_at  timestamptz,
    live_at      timestamptz,
    completed_at timestamptz,
    status       text,
    status_value text,
    CONSTRAINT feature_lifecycles_pkey PRIMARY KEY (feature),
    CONSTRAINT feature_lifecycles_feature_fkey FOREIGN KEY (feature) REFERENCES features (name) ON UPDATE CASCADE ON DELETE CASCADE,
    CONSTRAINT feature_lifecycles_status_known CHECK (status IN ('kept', 'discarded', 'kept-with-variant')),
    CONSTRAINT feature_lifecycles_status_completed CHECK ((completed_at IS NULL) = (status IS NULL)),
    CONSTRAINT feature_lifecycles_status_value_length CHECK (length(status_value) <= 255)
);

-- Filters of the flag search. Those by project, tag, segment and environment have theirs. Each of these is chosen by plans
-- of BenchmarkSearch (control/feature, 10,000 flags); without them a filter by creator or by time of creation takes some
-- twenty times as long. None can be had for what is stale (its filter is an expression over two columns) or was last seen
-- (which is the newest of several environments). One of what is on was never chosen, as half of all flags are, and would
-- have to be written at every toggle.
CREATE INDEX features_type_idx ON features (type);
CREATE INDEX features_created_at_idx ON features (created_at);
CREATE INDEX features_created_by_idx ON features (created_by_user_id);
CREATE INDEX features_archived_idx ON features (project, name) WHERE archived_at IS NOT NULL;
