-- What the playground evaluates: flags as they are at this moment, with what SDKs never see of them.

-- name: PlaygroundFeatureList :many
-- Active flags of the projects (of all when NULL), and those they depend on, which may be other projects'.
SELECT f.name, f.project
FROM features f
JOIN projects p ON p.id = f.project
WHERE f.archived_at IS NULL
    AND p.archived_at IS NULL
    AND (
        sqlc.narg(projects)::text[] IS NULL
        OR f.project = ANY (sqlc.narg(projects)::text[])
        OR f.name IN (
            SELECT d.parent
            FROM feature_dependencies d
            JOIN features c ON c.name = d.child
            WHERE c.project = ANY (sqlc.narg(projects)::text[])
                AND c.archived_at IS NULL
        )
    )
ORDER BY f.name
LIMIT @max;

-- name: PlaygroundFeatureEnvironmentList :many
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
WHERE fe.feature = ANY (@features::text[])
    AND fe.environment = ANY (@environments::text[])
ORDER BY fe.feature, fe.environment;

-- name: PlaygroundStrategyList :many
-- In the order SDKs try them, disabled ones included.
SELECT
    s.id,
    s.feature,
    s.environment,
    s.strategy_name,
    s.title,
    s.disabled,
    s.parameters,
    s.constraints,
    s.variants,
    ARRAY(
        SELECT ss.segment_id
        FROM feature_strategy_segments ss
        WHERE ss.strategy_id = s.id
        ORDER BY ss.segment_id
    )::integer[] AS segments
FROM feature_strategies s
WHERE s.feature = ANY (@features::text[])
    AND s.environment = ANY (@environments::text[])
ORDER BY s.feature, s.environment, s.sort_order, s.created_at, s.id;

-- name: PlaygroundDependencyList :many
SELECT child, parent, enabled, variants
FROM feature_dependencies
WHERE child = ANY (@features::text[])
ORDER BY child, parent;

-- name: PlaygroundSegmentList :many
-- Segments that strategies of the flags use.
SELECT g.id, g.name, g.constraints
FROM segments g
WHERE EXISTS (
    SELECT
    FROM feature_strategy_segments ss
    JOIN feature_strategies s ON s.id = ss.strategy_id
    WHERE ss.segment_id = g.id
        AND s.feature = ANY (@features::text[])
        AND s.environment = ANY (@environments::text[])
)
ORDER BY g.id;
