-- Flags as they were before there were environments: with the state they have in one.

-- name: FeatureLegacyList :many
SELECT
    sqlc.embed(f),
    coalesce(fe.enabled AND pe.environment IS NOT NULL, false)::boolean AS enabled,
    coalesce(fe.variants, '[]')::jsonb AS variants,
    coalesce((
        SELECT jsonb_agg(
            jsonb_build_object(
                'id', s.id,
                'name', s.strategy_name,
                'title', s.title,
                'disabled', s.disabled,
                'sortOrder', s.sort_order,
                'parameters', s.parameters,
                'constraints', s.constraints,
                'variants', s.variants,
                'segments', coalesce((
                    SELECT jsonb_agg(ss.segment_id ORDER BY ss.segment_id)
                    FROM feature_strategy_segments ss
                    WHERE ss.strategy_id = s.id
                ), '[]')
            )
            ORDER BY s.sort_order, s.created_at, s.id
        )
        FROM feature_strategies s
        WHERE s.feature = f.name
            AND s.environment = @environment
    ), '[]')::jsonb AS strategies
FROM features f
LEFT JOIN project_environments pe ON pe.project = f.project AND pe.environment = @environment
LEFT JOIN feature_environments fe ON fe.feature = f.name AND fe.environment = @environment
WHERE f.archived_at IS NULL
    AND (sqlc.narg(name)::text IS NULL OR f.name = sqlc.narg(name))
    AND (sqlc.narg(project)::text IS NULL OR f.project = sqlc.narg(project))
ORDER BY f.name
LIMIT @max;
