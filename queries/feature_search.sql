-- Search of flags: one query finds the page's names and counts all matches, four more read what is shown of a page.
--
-- An argument that is NULL filters nothing. Lists that flags are looked up in (tags, segments, environments) do not depend
-- on the flag, so that each is read once through its index and hashed, never once a flag.

-- Statements of this transaction are planned with their arguments, never for arguments yet unknown.
-- name: PlanForArguments :exec
SET LOCAL plan_cache_mode = force_custom_plan;

-- name: FeatureSearch :one
-- Plans for 10,000 flags, LIMIT 50 by name; the joins that the arguments do not need are never entered:
--   every plan ends in Limit -> Sort (top-N heapsort) -> CTE Scan on matched
--   no filter: Seq Scan on features (11 ms, most of it evaluating sort keys and counting)
--   project: Bitmap Index Scan on features_project_idx (1 ms)
--   tag: Seq Scan on features, hashed SubPlan -> Bitmap Index Scan on feature_tags_tag_idx (4 ms)
--   status that half of the flags have: Seq Scan on features, hashed SubPlan -> Seq Scan on feature_environments (15 ms)
--   text: Seq Scan on features and feature_tags (12 to 15 ms); no index holds parts of words
WITH matched AS MATERIALIZED (
    SELECT
        f.name,
        (CASE WHEN @favorites_first::boolean AND v.feature IS NOT NULL THEN 0 ELSE 1 END) AS favorites_rank,
        CASE @sort_by::text
            WHEN 'type' THEN f.type
            WHEN 'project' THEN f.project
            WHEN 'createdBy' THEN f.created_by
            WHEN 'lifecycle' THEN CASE
                WHEN f.archived_at IS NOT NULL THEN '4'
                WHEN l.completed_at IS NOT NULL THEN '3'
                WHEN l.live_at IS NOT NULL THEN '2'
                WHEN l.pre_live_at IS NOT NULL THEN '1'
                ELSE '0'
            END
            WHEN 'stale' THEN CASE WHEN f.stale THEN '2' WHEN f.potentially_stale THEN '1' ELSE '0' END
            WHEN 'favorite' THEN CASE WHEN v.feature IS NULL THEN '0' ELSE '1' END
            WHEN 'environment' THEN CASE WHEN se.feature IS NULL THEN '0' ELSE '1' END
            ELSE ''
        END AS sort_text,
        CASE @sort_by::text
            WHEN 'createdAt' THEN f.created_at
            WHEN 'lastSeenAt' THEN coalesce(ls.last_seen_at, '-infinity')
            WHEN 'archivedAt' THEN coalesce(f.archived_at, '-infinity')
        END AS sort_time
    FROM features f
    LEFT JOIN feature_lifecycles l ON l.feature = f.name
    LEFT JOIN feature_favorites v ON v.feature = f.name AND v.user_id = @user_id
    LEFT JOIN feature_environments se ON se.feature = f.name AND se.environment = sqlc.narg(sort_environment)::text AND se.enabled
    LEFT JOIN (
        SELECT s.feature, max(s.last_seen_at) AS last_seen_at
        FROM feature_last_seen s
        WHERE @needs_last_seen::boolean
        GROUP BY s.feature
    ) ls ON ls.feature = f.name
    WHERE (sqlc.narg(archived)::boolean IS NULL OR (f.archived_at IS NOT NULL) = sqlc.narg(archived))
        AND (sqlc.narg(favorite)::boolean IS NULL OR (v.feature IS NOT NULL) = sqlc.narg(favorite))
        AND (sqlc.narg(projects)::text[] IS NULL OR f.project = ANY(sqlc.narg(projects)))
        AND (sqlc.narg(not_projects)::text[] IS NULL OR f.project <> ALL(sqlc.narg(not_projects)))
        AND (sqlc.narg(types)::text[] IS NULL OR f.type = ANY(sqlc.narg(types)))
        AND (sqlc.narg(not_types)::text[] IS NULL OR f.type <> ALL(sqlc.narg(not_types)))
        AND (sqlc.narg(creators)::integer[] IS NULL OR f.created_by_user_id = ANY(sqlc.narg(creators)))
        AND (sqlc.narg(not_creators)::integer[] IS NULL OR coalesce(f.created_by_user_id, 0) <> ALL(sqlc.narg(not_creators)))
        AND (sqlc.narg(created_before)::timestamptz IS NULL OR f.created_at < sqlc.narg(created_before))
        AND (sqlc.narg(created_since)::timestamptz IS NULL OR f.created_at >= sqlc.narg(created_since))
        AND (sqlc.narg(seen_before)::timestamptz IS NULL OR ls.last_seen_at < sqlc.narg(seen_before))
        AND (sqlc.narg(seen_since)::timestamptz IS NULL OR ls.last_seen_at >= sqlc.narg(seen_since))
        AND (
            sqlc.narg(states)::text[] IS NULL
            OR CASE WHEN f.stale THEN 'stale' WHEN f.potentially_stale THEN 'potentially-stale' ELSE 'active' END = ANY(sqlc.narg(states))
        )
        AND (
            sqlc.narg(stages)::text[] IS NULL
            OR CASE
                WHEN f.archived_at IS NOT NULL THEN 'archived'
                WHEN l.completed_at IS NOT NULL THEN 'completed'
                WHEN l.live_at IS NOT NULL THEN 'live'
                WHEN l.pre_live_at IS NOT NULL THEN 'pre-live'
                ELSE 'initial'
            END = ANY(sqlc.narg(stages))
        )
        AND (
            sqlc.narg(tag_types)::text[] IS NULL
            OR (f.name IN (
                SELECT t.feature
                FROM feature_tags t
                WHERE (t.type, t.value) IN (SELECT unnest(sqlc.narg(tag_types)::text[]), unnest(sqlc.narg(tag_values)::text[]))
                GROUP BY t.feature
                HAVING count(*) >= @tag_minimum::integer
            )) <> @tag_exclude::boolean
        )
        AND (
            sqlc.narg(segments)::text[] IS NULL
            OR (f.name IN (
                SELECT s.feature
                FROM segments g
                JOIN feature_strategy_segments ss ON ss.segment_id = g.id
                JOIN feature_strategies s ON s.id = ss.strategy_id
                WHERE g.name = ANY(sqlc.narg(segments)::text[])
                GROUP BY s.feature
                HAVING count(DISTINCT g.id) >= @segment_minimum::integer
            )) <> @segment_exclude::boolean
        )
        AND (
            (sqlc.narg(enabled_in)::text[] IS NULL AND sqlc.narg(disabled_in)::text[] IS NULL)
            OR f.name IN (
                SELECT fe.feature
                FROM feature_environments fe
                WHERE fe.enabled
                    AND fe.environment = ANY(sqlc.narg(enabled_in)::text[])
            )
            OR f.name IN (
                SELECT df.name
                FROM project_environments pe
                JOIN features df ON df.project = pe.project
                LEFT JOIN feature_environments fe ON fe.feature = df.name AND fe.environment = pe.environment AND fe.enabled
                WHERE pe.environment = ANY(sqlc.narg(disabled_in)::text[])
                    AND fe.feature IS NULL
            )
        )
        AND (
            sqlc.narg(pattern)::text IS NULL
            OR f.name ILIKE sqlc.narg(pattern)
            OR f.description ILIKE sqlc.narg(pattern)
            OR f.name IN (
                SELECT t.feature
                FROM feature_tags t
                WHERE t.type || ':' || t.value ILIKE sqlc.narg(pattern)
            )
        )
)
SELECT
    (SELECT count(*) FROM matched) AS total,
    coalesce((
        SELECT array_agg(p.name)
        FROM (
            SELECT m.name
            FROM matched m
            ORDER BY
                m.favorites_rank,
                CASE WHEN NOT @descending::boolean THEN m.sort_time END,
                CASE WHEN @descending::boolean THEN m.sort_time END DESC,
                CASE WHEN NOT @descending::boolean THEN m.sort_text END COLLATE "C",
                CASE WHEN @descending::boolean THEN m.sort_text END COLLATE "C" DESC,
                CASE WHEN NOT (@descending::boolean AND @sort_by::text = 'name') THEN lower(m.name) END COLLATE "C",
                CASE WHEN @descending::boolean AND @sort_by::text = 'name' THEN lower(m.name) END COLLATE "C" DESC,
                m.name COLLATE "C"
            LIMIT @max OFFSET @skip
        ) p
    ), '{}')::text[] AS names;

-- name: FeatureSearchList :many
SELECT
    sqlc.embed(f),
    (v.feature IS NOT NULL)::boolean AS favorite,
    l.pre_live_at,
    l.live_at,
    l.completed_at,
    l.status,
    l.status_value,
    EXISTS (SELECT FROM feature_dependencies d WHERE d.child = f.name) AS is_child,
    EXISTS (SELECT FROM feature_dependencies d WHERE d.parent = f.name) AS is_parent
FROM features f
LEFT JOIN feature_lifecycles l ON l.feature = f.name
LEFT JOIN feature_favorites v ON v.feature = f.name AND v.user_id = @user_id
WHERE f.name = ANY(@names::text[])
ORDER BY f.name
LIMIT 1000;

-- Counts are those of the hour that has begun.
-- name: FeatureSearchEnvironmentList :many
SELECT
    f.name AS feature,
    e.name,
    e.type,
    e.sort_order,
    coalesce(fe.enabled, false)::boolean AS enabled,
    coalesce(jsonb_array_length(fe.variants), 0)::integer AS variant_count,
    ls.last_seen_at,
    (s.strategies > 0)::boolean AS has_strategies,
    (s.enabled_strategies > 0)::boolean AS has_enabled_strategies,
    m.yes,
    m.no
FROM features f
JOIN project_environments pe ON pe.project = f.project
JOIN environments e ON e.name = pe.environment
LEFT JOIN feature_environments fe ON fe.feature = f.name AND fe.environment = e.name
LEFT JOIN feature_last_seen ls ON ls.feature = f.name AND ls.environment = e.name
CROSS JOIN LATERAL (
    SELECT
        count(*) AS strategies,
        count(*) FILTER (WHERE NOT fs.disabled) AS enabled_strategies
    FROM feature_strategies fs
    WHERE fs.feature = f.name
        AND fs.environment = e.name
) s
CROSS JOIN LATERAL (
    SELECT
        coalesce(sum(cm.yes), 0)::bigint AS yes,
        coalesce(sum(cm.no), 0)::bigint AS no
    FROM client_metrics cm
    WHERE cm.feature = f.name
        AND cm.environment = e.name
        AND cm.hour > now() - interval '1 hour'
) m
WHERE f.name = ANY(@names::text[])
ORDER BY f.name, e.sort_order, e.name
LIMIT 100000;

-- name: FeatureSearchSegmentList :many
SELECT DISTINCT s.feature, g.name
FROM feature_strategies s
JOIN feature_strategy_segments ss ON ss.strategy_id = s.id
JOIN segments g ON g.id = ss.segment_id
WHERE s.feature = ANY(@names::text[])
ORDER BY s.feature, g.name
LIMIT 100000;

-- name: FeatureSearchTagList :many
SELECT feature, type, value
FROM feature_tags
WHERE feature = ANY(@names::text[])
ORDER BY feature, type, value
LIMIT 100000;
