-- Flags themselves. FOR NO KEY UPDATE is the lock every write to a flag begins with: it serialises writers of one flag
-- without stopping the foreign-key checks of metrics and tags.

-- name: FeatureGet :one
SELECT *
FROM features
WHERE name = @name;

-- name: FeatureLock :many
SELECT *
FROM features
WHERE name = ANY(@names::text[])
ORDER BY name
FOR NO KEY UPDATE;

-- name: FeatureList :many
SELECT *
FROM features
WHERE project = @project
    AND archived_at IS NULL
ORDER BY name
LIMIT @max;

-- name: FeatureListArchived :many
SELECT *
FROM features
WHERE archived_at IS NOT NULL
    AND (sqlc.narg(project)::text IS NULL OR project = sqlc.narg(project))
ORDER BY name
LIMIT @max;

-- name: FeatureCount :one
SELECT count(*)
FROM features
WHERE archived_at IS NULL
    AND (sqlc.narg(project)::text IS NULL OR project = sqlc.narg(project));

-- name: FeatureInsert :one
INSERT INTO features (name, project, type, description, stale, impression_data, created_by, created_by_user_id)
VALUES (@name, @project, @type, @description, @stale, @impression_data, @created_by, @created_by_user_id)
RETURNING *;

-- name: FeatureUpdate :one
UPDATE features
SET type = @type,
    description = @description,
    stale = @stale,
    impression_data = @impression_data
WHERE name = @name
RETURNING *;

-- name: FeatureSetStale :exec
UPDATE features
SET stale = @stale
WHERE name = @name;

-- name: FeatureSetProject :exec
UPDATE features
SET project = @project
WHERE name = @name;

-- name: FeatureArchive :exec
UPDATE features
SET archived_at = now()
WHERE name = @name;

-- name: FeatureRevive :exec
UPDATE features
SET archived_at = NULL
WHERE name = @name;

-- name: FeatureDelete :exec
DELETE FROM features
WHERE name = @name;

-- The project must neither be archived nor change its limits before the transaction ends.
-- name: FeatureProjectLock :one
SELECT *
FROM projects
WHERE id = @id
    AND archived_at IS NULL
FOR SHARE;

-- name: FeatureProjectGet :one
SELECT *
FROM projects
WHERE id = @id;

-- name: FeatureTypeIDList :many
SELECT id
FROM feature_types
ORDER BY id
LIMIT 1000;
