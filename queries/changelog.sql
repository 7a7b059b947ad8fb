-- What db.ChangeLog reads to follow the change log: the log itself, and the state of flags and segments as SDKs see it.
-- Statements that load state take the names of what they load, so that the same ones serve a change and a whole snapshot.

-- name: ChangeLogListFrom :many
-- The row a reader stands on, if it is still there, and what came after it.
SELECT revision, mark, kind, entity, project, environment, at
FROM change_log
WHERE revision >= @revision
ORDER BY revision
LIMIT @max;

-- name: ChangeLogListNewest :many
-- Ascending.
SELECT newest.revision, newest.mark, newest.kind, newest.entity, newest.project, newest.environment, newest.at
FROM (
    SELECT *
    FROM change_log
    ORDER BY revision DESC
    LIMIT @max
) AS newest
ORDER BY newest.revision;

-- name: ChangeLogHasBefore :one
SELECT EXISTS (SELECT FROM change_log WHERE revision < @revision);

-- name: ChangeLogFeatureNames :many
SELECT f.name
FROM features f
JOIN projects p ON p.id = f.project
WHERE f.archived_at IS NULL
    AND p.archived_at IS NULL
ORDER BY f.name;

-- name: ChangeLogFeatureNamesOfProjects :many
-- Archived flags and those of archived projects too: they may have been archived just now.
SELECT name, project
FROM features
WHERE project = ANY (@projects::text[])
ORDER BY name;

-- name: ChangeLogEnvironmentNames :many
SELECT name
FROM environments
ORDER BY name;

-- name: ChangeLogFeatures :many
SELECT f.name, f.project, f.type, f.description, f.stale, f.impression_data
FROM features f
JOIN projects p ON p.id = f.project
WHERE f.name = ANY (@features::text[])
    AND f.archived_at IS NULL
    AND p.archived_at IS NULL;

-- name: ChangeLogFeatureEnvironments :many
-- A flag is off in an environment that its project does not use.
SELECT
    fe.feature,
    fe.environment,
    (fe.enabled AND EXISTS (
        SELECT FROM project_environments pe
        WHERE pe.project = f.project AND pe.environment = fe.environment
    ))::boolean AS enabled,
    fe.variants
FROM feature_environments fe
JOIN features f ON f.name = fe.feature
WHERE fe.feature = ANY (@features::text[]);

-- name: ChangeLogStrategies :many
-- In the order SDKs try them.
SELECT
    s.id,
    s.feature,
    s.environment,
    s.strategy_name,
    s.disabled,
    s.parameters,
    s.constraints,
    s.variants,
    array_to_string(ARRAY(
        SELECT ss.segment_id
        FROM feature_strategy_segments ss
        WHERE ss.strategy_id = s.id
        ORDER BY ss.segment_id
    ), ',') AS segments
FROM feature_strategies s
WHERE s.feature = ANY (@features::text[])
ORDER BY s.feature, s.environment, s.sort_order, s.created_at, s.id;

-- name: ChangeLogDependencies :many
SELECT child, parent, enabled, variants
FROM feature_dependencies
WHERE child = ANY (@features::text[])
ORDER BY child, parent;

-- name: ChangeLogTags :many
SELECT feature, type, value
FROM feature_tags
WHERE feature = ANY (@features::text[])
ORDER BY feature, type, value;

-- name: ChangeLogSegments :many
SELECT id, name, constraints
FROM segments
WHERE id = ANY (@ids::integer[])
ORDER BY id;

-- name: ChangeLogSegmentsAll :many
SELECT id, name, constraints
FROM segments
ORDER BY id;
