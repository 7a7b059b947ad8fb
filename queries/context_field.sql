-- name: ContextFieldLegalValues :many
SELECT name, legal_values
FROM context_fields
WHERE name = ANY (@names::text[])
    AND legal_values <> '[]'
ORDER BY name;

-- name: ContextFieldList :many
-- Fields of the instance, or of one project when it is given.
SELECT
    c.*,
    u.features AS used_in_features,
    u.projects AS used_in_projects
FROM context_fields c
LEFT JOIN LATERAL (
    SELECT count(DISTINCT s.feature)::integer AS features, count(DISTINCT f.project)::integer AS projects
    FROM feature_strategies s
    JOIN features f ON f.name = s.feature
    WHERE f.archived_at IS NULL
        AND s.constraints @> jsonb_build_array(jsonb_build_object('contextName', c.name))
) u ON true
WHERE c.project IS NOT DISTINCT FROM sqlc.narg('project')
ORDER BY c.name;

-- name: ContextFieldGet :one
SELECT * FROM context_fields WHERE name = @name;

-- name: ContextFieldLock :one
SELECT * FROM context_fields WHERE name = @name FOR UPDATE;

-- name: ContextFieldCreate :one
INSERT INTO context_fields (name, description, sort_order, legal_values, stickiness, project)
VALUES (@name, sqlc.narg('description'), @sort_order, @legal_values, @stickiness, sqlc.narg('project'))
RETURNING *;

-- name: ContextFieldUpdate :one
UPDATE context_fields
SET description = sqlc.narg('description'),
    sort_order = @sort_order,
    legal_values = @legal_values,
    stickiness = @stickiness,
    updated_at = now()
WHERE name = @name
RETURNING *;

-- name: ContextFieldDelete :one
DELETE FROM context_fields WHERE name = @name RETURNING *;

-- name: ContextFieldStrategies :many
SELECT s.id, s.feature, f.project, s.environment, s.strategy_name
FROM feature_strategies s
JOIN features f ON f.name = s.feature
WHERE f.archived_at IS NULL
    AND s.constraints @> jsonb_build_array(jsonb_build_object('contextName', @name::text))
ORDER BY s.feature, s.environment, s.id;
