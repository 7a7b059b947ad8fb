-- name: SegmentList :many
-- All segments, or one, or those of a strategy, with how much uses them.
SELECT
    s.*,
    u.features AS used_in_features,
    u.projects AS used_in_projects
FROM segments s
LEFT JOIN LATERAL (
    SELECT count(DISTINCT f.name)::integer AS features, count(DISTINCT f.project)::integer AS projects
    FROM feature_strategy_segments fss
    JOIN feature_strategies fs ON fs.id = fss.strategy_id
    JOIN features f ON f.name = fs.feature
    WHERE fss.segment_id = s.id AND f.archived_at IS NULL
) u ON true
WHERE (sqlc.narg('id')::integer IS NULL OR s.id = sqlc.narg('id'))
    AND (
        sqlc.narg('strategy_id')::text IS NULL
        OR EXISTS (SELECT 1 FROM feature_strategy_segments x WHERE x.segment_id = s.id AND x.strategy_id = sqlc.narg('strategy_id'))
    )
ORDER BY s.name, s.id;

-- name: SegmentLock :one
SELECT * FROM segments WHERE id = @id FOR UPDATE;

-- name: SegmentCount :one
SELECT count(*) FROM segments;

-- name: SegmentNameTaken :one
SELECT EXISTS (SELECT 1 FROM segments WHERE name = @name AND id IS DISTINCT FROM sqlc.narg('except_id')::integer);

-- name: SegmentCreate :one
INSERT INTO segments (name, description, constraints, project, created_by, created_by_user_id)
VALUES (@name, sqlc.narg('description'), @constraints, sqlc.narg('project'), @created_by, sqlc.narg('created_by_user_id'))
RETURNING *;

-- name: SegmentUpdate :one
UPDATE segments
SET name = @name,
    description = sqlc.narg('description'),
    constraints = @constraints,
    project = sqlc.narg('project')
WHERE id = @id
RETURNING *;

-- name: SegmentDelete :exec
DELETE FROM segments WHERE id = @id;

-- name: SegmentStrategies :many
-- Strategies of flags that are not archived and use the segment.
SELECT fs.id, fs.feature, f.project, fs.environment, fs.strategy_name
FROM feature_strategy_segments fss
JOIN feature_strategies fs ON fs.id = fss.strategy_id
JOIN features f ON f.name = fs.feature
WHERE fss.segment_id = @segment_id AND f.archived_at IS NULL
ORDER BY fs.feature, fs.environment, fs.id;

-- name: SegmentUses :one
-- How many strategies use the segment, those of archived flags included.
SELECT count(*) FROM feature_strategy_segments WHERE segment_id = @segment_id;

-- name: SegmentOtherProjects :one
-- Whether a flag outside the project uses the segment.
SELECT EXISTS (
    SELECT 1
    FROM feature_strategy_segments fss
    JOIN feature_strategies fs ON fs.id = fss.strategy_id
    JOIN features f ON f.name = fs.feature
    WHERE fss.segment_id = @segment_id AND f.project <> @project
);
