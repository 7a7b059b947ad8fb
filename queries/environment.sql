-- name: EnvironmentList :many
-- All environments, or one, with how much uses them.
SELECT
    e.*,
    (SELECT count(*) FROM project_environments pe JOIN projects p ON p.id = pe.project
        WHERE pe.environment = e.name AND p.archived_at IS NULL)::integer AS project_count,
    (SELECT count(*) FROM api_tokens t WHERE t.environment = e.name)::integer AS token_count,
    (SELECT count(*) FROM feature_environments fe JOIN features f ON f.name = fe.feature
        WHERE fe.environment = e.name AND fe.enabled AND f.archived_at IS NULL)::integer AS enabled_count
FROM environments e
WHERE sqlc.narg('name')::text IS NULL OR e.name = sqlc.narg('name')
ORDER BY e.sort_order, e.name;

-- name: EnvironmentListForProject :many
-- Enabled environments as one project sees them.
SELECT
    e.*,
    (pe.project IS NOT NULL)::boolean AS visible,
    pe.default_strategy,
    (SELECT count(*) FROM api_tokens t WHERE t.environment = e.name
        AND (t.all_projects OR EXISTS (SELECT 1 FROM api_token_projects tp WHERE tp.token_id = t.id AND tp.project = @project)))::integer AS token_count,
    (SELECT count(*) FROM feature_environments fe JOIN features f ON f.name = fe.feature
        WHERE fe.environment = e.name AND fe.enabled AND f.archived_at IS NULL AND f.project = @project)::integer AS enabled_count
FROM environments e
LEFT JOIN project_environments pe ON pe.environment = e.name AND pe.project = @project
WHERE e.enabled
ORDER BY e.sort_order, e.name;

-- name: EnvironmentLock :one
SELECT * FROM environments WHERE name = @name FOR UPDATE;

-- name: EnvironmentCount :one
SELECT count(*) FROM environments;

-- name: EnvironmentCreate :one
INSERT INTO environments (name, type, sort_order, enabled, required_approvals)
VALUES (@name, @type, @sort_order, @enabled, sqlc.narg('required_approvals'))
RETURNING *;

-- name: EnvironmentUpdate :one
UPDATE environments
SET type = @type,
    sort_order = @sort_order,
    enabled = @enabled,
    required_approvals = sqlc.narg('required_approvals')
WHERE name = @name
RETURNING *;

-- name: EnvironmentDelete :exec
DELETE FROM environments WHERE name = @name;
