-- The state of flags in the environments their project uses.

-- name: FeatureEnvironmentList :many
SELECT
    e.name,
    e.type,
    e.sort_order,
    coalesce(fe.enabled, false)::boolean AS enabled,
    coalesce(fe.variants, '[]')::jsonb AS variants,
    ls.last_seen_at
FROM features f
JOIN project_environments pe ON pe.project = f.project
JOIN environments e ON e.name = pe.environment
LEFT JOIN feature_environments fe ON fe.feature = f.name AND fe.environment = e.name
LEFT JOIN feature_last_seen ls ON ls.feature = f.name AND ls.environment = e.name
WHERE f.name = @feature
    AND (sqlc.narg(environment)::text IS NULL OR e.name = sqlc.narg(environment))
ORDER BY e.sort_order, e.name
LIMIT 1000;

-- name: FeatureEnvironmentListByProject :many
SELECT
    f.name AS feature,
    e.name,
    e.type,
    e.sort_order,
    coalesce(fe.enabled, false)::boolean AS enabled,
    jsonb_array_length(coalesce(fe.variants, '[]')) AS variant_count,
    ls.last_seen_at,
    (s.feature IS NOT NULL)::boolean AS has_strategies,
    coalesce(s.has_enabled, false)::boolean AS has_enabled_strategies
FROM features f
JOIN project_environments pe ON pe.project = f.project
JOIN environments e ON e.name = pe.environment
LEFT JOIN feature_environments fe ON fe.feature = f.name AND fe.environment = e.name
LEFT JOIN feature_last_seen ls ON ls.feature = f.name AND ls.environment = e.name
LEFT JOIN (
    SELECT fs.feature, fs.environment, bool_or(NOT fs.disabled) AS has_enabled
    FROM feature_strategies fs
    JOIN features ff ON ff.name = fs.feature
    WHERE ff.project = @project
    GROUP BY fs.feature, fs.environment
) s ON s.feature = f.name AND s.environment = e.name
WHERE f.project = @project
    AND f.archived_at IS NULL
ORDER BY f.name, e.sort_order, e.name
LIMIT @max;

-- The project cannot drop the environment before the transaction ends.
-- name: FeatureEnvironmentLock :one
SELECT
    pe.default_strategy,
    coalesce(fe.enabled, false)::boolean AS enabled,
    coalesce(fe.variants, '[]')::jsonb AS variants,
    EXISTS (
        SELECT
        FROM feature_strategies s
        WHERE s.feature = f.name
            AND s.environment = pe.environment
            AND NOT s.disabled
    )::boolean AS has_enabled_strategy
FROM features f
JOIN project_environments pe ON pe.project = f.project
LEFT JOIN feature_environments fe ON fe.feature = f.name AND fe.environment = pe.environment
WHERE f.name = @feature
    AND pe.environment = @environment
FOR SHARE OF pe;

-- name: FeatureEnvironmentSetEnabled :exec
INSERT INTO feature_environments (feature, environment, enabled)
VALUES (@feature, @environment, @enabled)
ON CONFLICT (feature, environment) DO UPDATE
SET enabled = EXCLUDED.enabled;

-- name: FeatureEnvironmentSetVariants :exec
INSERT INTO feature_environments (feature, environment, variants)
VALUES (@feature, @environment, @variants)
ON CONFLICT (feature, environment) DO UPDATE
SET variants = EXCLUDED.variants;

-- name: FeatureEnvironmentDisableAll :exec
UPDATE feature_environments
SET enabled = false
WHERE feature = @feature
    AND enabled;

-- Environments where the flag is on although the project does not use them.
-- name: FeatureEnvironmentListMissing :many
SELECT fe.environment
FROM feature_environments fe
WHERE fe.feature = @feature
    AND fe.enabled
    AND NOT EXISTS (
        SELECT
        FROM project_environments pe
        WHERE pe.project = @project
            AND pe.environment = fe.environment
    )
ORDER BY fe.environment
LIMIT 1000;
