-- What export and import read and write in bulk.

-- Active flags: those named, of a project, with a tag, or all.
-- name: TransferFeatureList :many
SELECT f.*
FROM features f
WHERE f.archived_at IS NULL
    AND (NOT @by_name::boolean OR f.name = ANY(@names::text[]))
    AND (sqlc.narg(project)::text IS NULL OR f.project = sqlc.narg(project))
    AND (
        sqlc.narg(tag)::text IS NULL
        OR EXISTS (
            SELECT
            FROM feature_tags t
            WHERE t.feature = f.name
                AND (t.value = sqlc.narg(tag) OR t.type || ':' || t.value = sqlc.narg(tag))
        )
    )
ORDER BY f.name
LIMIT 100000;

-- The state of flags in the environments their projects use.
-- name: TransferEnvironmentList :many
SELECT
    f.name AS feature,
    e.name AS environment,
    coalesce(fe.enabled, false)::boolean AS enabled,
    coalesce(fe.variants, '[]')::jsonb AS variants
FROM features f
JOIN project_environments pe ON pe.project = f.project
JOIN environments e ON e.name = pe.environment
LEFT JOIN feature_environments fe ON fe.feature = f.name AND fe.environment = e.name
WHERE f.name = ANY(@names::text[])
    AND (sqlc.narg(environment)::text IS NULL OR e.name = sqlc.narg(environment))
ORDER BY f.name, e.sort_order, e.name;

-- name: TransferStrategyList :many
SELECT
    sqlc.embed(s),
    coalesce((
        SELECT array_agg(ss.segment_id ORDER BY ss.segment_id)
        FROM feature_strategy_segments ss
        WHERE ss.strategy_id = s.id
    ), '{}')::integer[] AS segments
FROM feature_strategies s
WHERE s.feature = ANY(@names::text[])
    AND (sqlc.narg(environment)::text IS NULL OR s.environment = sqlc.narg(environment))
ORDER BY s.feature, s.environment, s.sort_order, s.created_at, s.id;

-- name: TransferTagList :many
SELECT feature, type, value
FROM feature_tags
WHERE feature = ANY(@names::text[])
ORDER BY feature, type, value;

-- name: TransferDependencyList :many
SELECT *
FROM feature_dependencies
WHERE child = ANY(@names::text[])
ORDER BY child, parent;

-- name: TransferSegmentList :many
SELECT *
FROM segments
WHERE id = ANY(@ids::integer[])
    OR name = ANY(@names::text[])
ORDER BY id;

-- name: TransferContextFieldList :many
SELECT *
FROM context_fields
WHERE name = ANY(@names::text[])
ORDER BY name;

-- name: TransferTagTypeList :many
SELECT *
FROM tag_types
WHERE name = ANY(@names::text[])
ORDER BY name;

-- name: TransferStrategyTypeList :many
SELECT *
FROM strategy_types
WHERE name = ANY(@names::text[])
ORDER BY sort_order, name;

-- name: TransferProjectList :many
SELECT *
FROM projects
WHERE id = ANY(@ids::text[])
ORDER BY id;

-- name: TransferProjectEnvironmentList :many
SELECT pe.*
FROM project_environments pe
JOIN environments e ON e.name = pe.environment
WHERE pe.project = ANY(@projects::text[])
ORDER BY pe.project, e.sort_order, e.name;

-- name: TransferTagRemove :execrows
DELETE FROM feature_tags
WHERE feature = @feature
    AND type = @type
    AND value = @value;

-- An export is of one moment. It must come first in the transaction.
-- name: TransferSnapshot :exec
SET TRANSACTION ISOLATION LEVEL REPEATABLE READ;

-- name: TransferLinkList :many
SELECT id, feature, url, title
FROM feature_links
WHERE feature = ANY(@names::text[])
ORDER BY feature, created_at, id;
