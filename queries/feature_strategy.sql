-- Activation strategies.

-- name: FeatureStrategyList :many
SELECT
    sqlc.embed(s),
    coalesce((
        SELECT array_agg(ss.segment_id ORDER BY ss.segment_id)
        FROM feature_strategy_segments ss
        WHERE ss.strategy_id = s.id
    ), '{}')::integer[] AS segments
FROM feature_strategies s
WHERE s.feature = @feature
    AND (sqlc.narg(environment)::text IS NULL OR s.environment = sqlc.narg(environment))
ORDER BY s.environment, s.sort_order, s.created_at, s.id
LIMIT 10000;

-- name: FeatureStrategyInsert :one
INSERT INTO feature_strategies (id, feature, environment, strategy_name, title, disabled, sort_order, parameters, constraints, variants)
VALUES (@id, @feature, @environment, @strategy_name, @title, @disabled, @sort_order, @parameters, @constraints, @variants)
RETURNING *;

-- name: FeatureStrategyUpdate :one
UPDATE feature_strategies
SET strategy_name = @strategy_name,
    title = @title,
    disabled = @disabled,
    sort_order = @sort_order,
    parameters = @parameters,
    constraints = @constraints,
    variants = @variants
WHERE id = @id
RETURNING *;

-- name: FeatureStrategySetSortOrder :exec
UPDATE feature_strategies
SET sort_order = @sort_order
WHERE id = @id;

-- name: FeatureStrategyDelete :exec
DELETE FROM feature_strategies
WHERE id = @id;

-- name: FeatureStrategySegmentInsert :exec
INSERT INTO feature_strategy_segments (strategy_id, segment_id)
SELECT @strategy_id, unnest(@segment_ids::integer[])
ON CONFLICT DO NOTHING;

-- name: FeatureStrategySegmentDelete :exec
DELETE FROM feature_strategy_segments
WHERE strategy_id = @strategy_id
    AND segment_id <> ALL(@keep::integer[]);

-- Segments must not be deleted before the transaction ends.
-- name: FeatureSegmentLock :many
SELECT id, name, project
FROM segments
WHERE id = ANY(@ids::integer[])
ORDER BY id
FOR KEY SHARE;

-- Segments a flag's strategies use that belong to one project only.
-- name: FeatureSegmentListBound :many
SELECT DISTINCT g.id, g.name
FROM feature_strategies s
JOIN feature_strategy_segments ss ON ss.strategy_id = s.id
JOIN segments g ON g.id = ss.segment_id
WHERE s.feature = @feature
    AND g.project IS NOT NULL
    AND g.project <> @project
ORDER BY g.id
LIMIT 100;

-- name: FeatureStrategyTypeExists :one
SELECT EXISTS (
    SELECT
    FROM strategy_types
    WHERE name = @name
);

-- name: FeatureStrategyFeature :one
SELECT feature
FROM feature_strategies
WHERE id = @id;
