-- What a clone of an environment copies, in bulk.

-- Nobody changes a flag while it is copied: states and strategies of different moments could leave one on for everybody.
-- name: EnvironmentCloneLock :exec
SELECT name
FROM features
WHERE project = ANY(@projects::text[])
ORDER BY name
FOR NO KEY UPDATE;

-- name: EnvironmentCloneProjectList :many
SELECT pe.project
FROM project_environments pe
WHERE pe.environment = @source
    AND (sqlc.narg(projects)::text[] IS NULL OR pe.project = ANY(sqlc.narg(projects)::text[]))
ORDER BY pe.project;

-- name: EnvironmentCloneProjects :exec
INSERT INTO project_environments (project, environment, default_strategy)
SELECT pe.project, @target, pe.default_strategy
FROM project_environments pe
WHERE pe.environment = @source
    AND pe.project = ANY(@projects::text[]);

-- name: EnvironmentCloneStates :exec
INSERT INTO feature_environments (feature, environment, enabled, variants)
SELECT fe.feature, @target, fe.enabled, fe.variants
FROM feature_environments fe
JOIN features f ON f.name = fe.feature
WHERE fe.environment = @source
    AND f.project = ANY(@projects::text[]);

-- name: EnvironmentCloneStrategyList :many
SELECT s.id
FROM feature_strategies s
JOIN features f ON f.name = s.feature
WHERE s.environment = @source
    AND f.project = ANY(@projects::text[])
ORDER BY s.feature, s.sort_order, s.created_at, s.id;

-- Strategies get the new ids in the order of the old ones.
-- name: EnvironmentCloneStrategies :exec
INSERT INTO feature_strategies (
    id, feature, environment, strategy_name, title, disabled, sort_order, parameters, constraints, variants
)
SELECT
    m.new_id, s.feature, @target, s.strategy_name, s.title, s.disabled, s.sort_order, s.parameters, s.constraints, s.variants
FROM (SELECT unnest(@old_ids::text[]) AS old_id, unnest(@new_ids::text[]) AS new_id) m
JOIN feature_strategies s ON s.id = m.old_id;

-- name: EnvironmentCloneSegments :exec
INSERT INTO feature_strategy_segments (strategy_id, segment_id)
SELECT m.new_id, ss.segment_id
FROM (SELECT unnest(@old_ids::text[]) AS old_id, unnest(@new_ids::text[]) AS new_id) m
JOIN feature_strategy_segments ss ON ss.strategy_id = m.old_id;
