-- name: ProjectGet :one
SELECT * FROM projects WHERE id = @id;

-- name: ProjectLock :one
-- Keeps others from changing the project until the transaction ends.
SELECT * FROM projects WHERE id = @id FOR UPDATE;

-- name: ProjectCount :one
SELECT count(*) FROM projects WHERE archived_at IS NULL;

-- name: ProjectList :many
-- Active projects, or archived ones; or one project whatever its state. Times that are not known are the epoch, because
-- sqlc takes a subquery for not null.
SELECT
    p.*,
    f.total AS feature_count,
    f.stale AS stale_count,
    coalesce((
        SELECT max(s.last_seen_at)
        FROM feature_last_seen s
        JOIN features seen ON seen.name = s.feature
        WHERE seen.project = p.id
    ), 'epoch')::timestamptz AS last_usage_at,
    coalesce((
        SELECT e.created_at FROM events e WHERE e.project = p.id ORDER BY e.id DESC LIMIT 1
    ), 'epoch')::timestamptz AS last_updated_at,
    coalesce((
        SELECT o.name FROM features o WHERE o.project = p.id ORDER BY o.created_at, o.name LIMIT 1
    ), '')::text AS first_feature
FROM projects p
LEFT JOIN LATERAL (
    SELECT
        count(*)::integer AS total,
        count(*) FILTER (WHERE stale OR potentially_stale)::integer AS stale
    FROM features
    WHERE project = p.id AND archived_at IS NULL
) f ON true
WHERE (sqlc.narg('id')::text IS NULL AND (p.archived_at IS NOT NULL) = @archived::boolean)
    OR p.id = sqlc.narg('id')
ORDER BY p.name, p.id;

-- name: ProjectFeatureTypes :many
SELECT type, count(*)::integer AS count
FROM features
WHERE project = @project AND archived_at IS NULL
GROUP BY type
ORDER BY type;

-- name: ProjectCreate :one
INSERT INTO projects (id, name, description, mode, default_stickiness)
VALUES (@id, @name, sqlc.narg('description'), @mode, @default_stickiness)
RETURNING *;

-- name: ProjectUpdate :one
UPDATE projects
SET name = @name,
    description = sqlc.narg('description'),
    mode = @mode,
    default_stickiness = @default_stickiness,
    updated_at = now()
WHERE id = @id
RETURNING *;

-- name: ProjectSettingsUpdate :one
UPDATE projects
SET mode = @mode,
    feature_naming_pattern = sqlc.narg('feature_naming_pattern'),
    feature_naming_example = sqlc.narg('feature_naming_example'),
    feature_naming_description = sqlc.narg('feature_naming_description'),
    link_templates = @link_templates,
    updated_at = now()
WHERE id = @id
RETURNING *;

-- name: ProjectArchive :one
UPDATE projects SET archived_at = now(), updated_at = now() WHERE id = @id RETURNING *;

-- name: ProjectRevive :one
UPDATE projects SET archived_at = NULL, updated_at = now() WHERE id = @id RETURNING *;

-- name: ProjectDelete :exec
DELETE FROM projects WHERE id = @id;

-- name: ProjectFeatureCount :one
-- How many flags a project holds, archived ones apart.
SELECT
    count(*) FILTER (WHERE archived_at IS NULL)::integer AS active,
    count(*) FILTER (WHERE archived_at IS NOT NULL)::integer AS archived
FROM features
WHERE project = @project;

-- name: ProjectSegmentCount :one
SELECT count(*) FROM segments WHERE project = @project;

-- name: ProjectEnvironmentList :many
SELECT pe.*
FROM project_environments pe
JOIN environments e ON e.name = pe.environment
WHERE pe.project = @project
ORDER BY e.sort_order, e.name;

-- name: ProjectEnvironmentGet :one
SELECT * FROM project_environments WHERE project = @project AND environment = @environment;

-- name: ProjectEnvironmentAdd :execrows
-- Inserts nothing when the project has the environment already.
INSERT INTO project_environments (project, environment)
VALUES (@project, @environment)
ON CONFLICT DO NOTHING;

-- name: ProjectEnvironmentRemove :execrows
DELETE FROM project_environments WHERE project = @project AND environment = @environment;

-- name: ProjectEnvironmentFlagsOff :exec
-- Turns the flags of a project off in an environment, so that they do not come back on with it.
UPDATE feature_environments fe
SET enabled = false
FROM features f
WHERE f.name = fe.feature
    AND f.project = @project
    AND fe.environment = @environment
    AND fe.enabled;

-- name: ProjectEnvironmentDefaultStrategyUpdate :exec
UPDATE project_environments
SET default_strategy = sqlc.narg('default_strategy')
WHERE project = @project AND environment = @environment;
