-- Dependencies between flags: a child and its parents, one level deep.

-- name: FeatureDependencyList :many
SELECT *
FROM feature_dependencies
WHERE child = @child
ORDER BY parent
LIMIT 1000;

-- name: FeatureDependencyListChildren :many
SELECT d.child
FROM feature_dependencies d
JOIN features f ON f.name = d.child
WHERE d.parent = @parent
    AND f.archived_at IS NULL
ORDER BY d.child
LIMIT 10000;

-- Parents among the named flags that have active children outside of them.
-- name: FeatureDependencyListParents :many
SELECT DISTINCT d.parent
FROM feature_dependencies d
JOIN features f ON f.name = d.child
WHERE d.parent = ANY(@names::text[])
    AND d.child <> ALL(@names::text[])
    AND f.archived_at IS NULL
ORDER BY d.parent
LIMIT 10000;

-- name: FeatureDependencyTouches :one
SELECT EXISTS (
    SELECT
    FROM feature_dependencies
    WHERE child = ANY(@names::text[])
        OR parent = ANY(@names::text[])
);

-- name: FeatureDependencyExistsInProject :one
SELECT EXISTS (
    SELECT
    FROM feature_dependencies d
    JOIN features f ON f.name = d.child
    WHERE f.project = @project
        AND f.archived_at IS NULL
);

-- name: FeatureDependencyUpsert :exec
INSERT INTO feature_dependencies (child, parent, enabled, variants)
VALUES (@child, @parent, @enabled, @variants)
ON CONFLICT (child, parent) DO UPDATE
SET enabled = EXCLUDED.enabled,
    variants = EXCLUDED.variants;

-- name: FeatureDependencyDelete :execrows
DELETE FROM feature_dependencies
WHERE child = @child
    AND parent = @parent;

-- name: FeatureDependencyDeleteAll :execrows
DELETE FROM feature_dependencies
WHERE child = @child;

-- name: FeatureDependencyDeleteChildren :exec
DELETE FROM feature_dependencies
WHERE parent = @parent;

-- Flags that may become a parent: active, in the same project, without parents of their own.
-- name: FeatureDependencyListOptions :many
SELECT f.name
FROM features f
WHERE f.project = @project
    AND f.archived_at IS NULL
    AND f.name <> @child
    AND NOT EXISTS (
        SELECT
        FROM feature_dependencies d
        WHERE d.child = f.name
    )
ORDER BY f.name
LIMIT 10000;

-- name: FeatureVariantNameList :many
SELECT DISTINCT (v.variant ->> 'name')::text AS name
FROM (
    SELECT jsonb_array_elements(fe.variants) AS variant
    FROM feature_environments fe
    WHERE fe.feature = @feature
    UNION ALL
    SELECT jsonb_array_elements(s.variants)
    FROM feature_strategies s
    WHERE s.feature = @feature
) v
WHERE v.variant ->> 'name' IS NOT NULL
ORDER BY name
LIMIT 10000;
