-- What a new instance starts with.

INSERT INTO environments (name, type, sort_order) VALUES
    ('development', 'development', 100),
    ('production', 'production', 200);

INSERT INTO projects (id, name, description) VALUES
    ('default', 'Default', 'The project every instance starts with');

INSERT INTO project_environments (project, environment) VALUES
    ('default', 'development'),
    ('default', 'production');

INSERT INTO feature_types (id, name, description, lifetime_days) VALUES
    ('release', 'Release', 'Hides work in progress until it is rolled out.', 40),
    ('experiment', 'Experiment', 'Compares variants of a change with real users.', 40),
    ('operational', 'Operational', 'Steers how the system runs while something is being changed.', 7),
    ('kill-switch', 'Kill switch', 'Turns a part of the system off in an emergency.', NULL),
    ('permission', 'Permission', 'Decides who is given a part of the product.', NULL),
    ('sunset', 'Sunset', 'Takes an old part of the product away step by step.', 90);

INSERT INTO context_fields (name, description, sort_order, stickiness) VALUES
    ('environment', 'The environment the application runs in', 0, false),
    ('userId', 'The id of the user', 1, true),
    ('appName', 'The name of the application', 2, false),
    ('currentTime', 'The time of the evaluation', 3, false),
    ('sessionId', 'The id of the session', 4, true);

INSERT INTO strategy_types (name, display_name, description, parameters, built_in, deprecated, sort_order) VALUES
    ('default', 'Standard', 'On for everybody.', '[]', true, false, 0),
    ('flexibleRollout', 'Gradual rollout', 'On for a share of users, sticky by a context field.', '[
        {"name": "rollout", "type": "percentage", "description": "Share of users, 0 to 100", "required": false},
        {"name": "stickiness", "type": "string", "description": "Context field that keeps a user in the same share", "required": false},
        {"name": "groupId", "type": "string", "description": "Flags with the same group id share their users", "required": false}
    ]', true, false, 1),
    ('userWithId', 'User ids', 'On for the users listed.', '[
        {"name": "userIds", "type": "list", "description": "Ids of the users", "required": false}
    ]', true, true, 2),
    ('remoteAddress', 'IP addresses', 'On for clients with one of the addresses or networks.', '[
        {"name": "IPs", "type": "list", "description": "Addresses or CIDR blocks", "required": true}
    ]', true, false, 3),
    ('applicationHostname', 'Hostnames', 'On for applications that run on one of the hosts.', '[
        {"name": "hostNames", "type": "list", "description": "Names of the hosts", "required": false}
    ]', true, false, 4),
    ('gradualRolloutUserId', 'Gradual rollout by user', 'On for a share of users, by user id.', '[
        {"name": "percentage", "type": "percentage", "description": "Share of users, 0 to 100", "required": false},
        {"name": "groupId", "type": "string", "description": "Flags with the same group id share their users", "required": false}
    ]', true, true, 5),
    ('gradualRolloutSessionId', 'Gradual rollout by session', 'On for a share of sessions, by session id.', '[
        {"name": "percentage", "type": "percentage", "description": "Share of sessions, 0 to 100", "required": false},
        {"name": "groupId", "type": "string", "description": "Flags with the same group id share their sessions", "required": false}
    ]', true, true, 6),
    ('gradualRolloutRandom', 'Random rollout', 'On for a random share of evaluations.', '[
        {"name": "percentage", "type": "percentage", "description": "Share of evaluations, 0 to 100", "required": false}
    ]', true, true, 7);

INSERT INTO tag_types (name, description, icon) VALUES
    ('simple', 'A plain label', '#');

-- The log is never empty, so that a reader always has a (revision, mark) to hold on to.
SELECT change_log_resync();
