-- What user interfaces show to everybody and remember of everyone, and the links that new flags of a project get.

-- Messages for everybody who has the user interface open. link is a URL, a path, or 'dialog', which opens the dialog.
CREATE TABLE banners (
    id           integer     NOT NULL GENERATED ALWAYS AS IDENTITY,
    enabled      boolean     NOT NULL DEFAULT true,
    message      text        NOT NULL,
    variant      text        NOT NULL DEFAULT 'info',
    sticky       boolean     NOT NULL DEFAULT false,
    icon         text,
    link         text,
    link_text    text,
    dialog_title text,
    dialog       text,
    created_at   timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT banners_pkey PRIMARY KEY (id),
    CONSTRAINT banners_variant_known CHECK (variant IN ('info', 'warning', 'error', 'success'))
);

-- What somebody was asked for. The ids of people include those of actors that are no users, so there is no foreign key.
CREATE TABLE user_feedback (
    user_id     integer NOT NULL,
    feedback_id text    NOT NULL,
    given_at    timestamptz,
    never_show  boolean NOT NULL DEFAULT false,
    CONSTRAINT user_feedback_pkey PRIMARY KEY (user_id, feedback_id)
);

-- What somebody was shown once and needs no more.
CREATE TABLE user_splashes (
    user_id   integer     NOT NULL,
    splash_id text        NOT NULL,
    seen_at   timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT user_splashes_pkey PRIMARY KEY (user_id, splash_id)
);

-- [{"title": text or null, "urlTemplate": text with {{project}} and {{feature}}}]
ALTER TABLE projects
    ADD COLUMN link_templates jsonb NOT NULL DEFAULT '[]',
    ADD CONSTRAINT projects_link_templates_array CHECK (jsonb_typeof(link_templates) = 'array');
