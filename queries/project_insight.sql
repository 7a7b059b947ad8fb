-- How a project is doing, from its flags and the audit trail.

-- name: ProjectHealth :one
-- Flags that are not archived. Potentially stale ones are active too. Aggregate -> Bitmap Heap Scan -> features_project_idx.
SELECT
    count(*) FILTER (WHERE NOT stale)::integer AS active,
    count(*) FILTER (WHERE NOT stale AND potentially_stale)::integer AS potentially_stale,
    count(*) FILTER (WHERE stale)::integer AS stale
FROM features
WHERE project = @project AND archived_at IS NULL;

-- name: ProjectFlagWindows :one
-- Flags made and archived since a time, and between that and an earlier one.
SELECT
    count(*) FILTER (WHERE created_at >= @since)::integer AS created,
    count(*) FILTER (WHERE created_at >= @before AND created_at < @since)::integer AS created_before,
    count(*) FILTER (WHERE archived_at >= @since)::integer AS archived,
    count(*) FILTER (WHERE archived_at >= @before AND archived_at < @since)::integer AS archived_before
FROM features
WHERE project = @project;

-- name: ProjectEventWindows :one
-- Changes since a time, and between that and an earlier one: events_project_idx or events_created_at_idx, whichever is shorter.
SELECT
    count(*) FILTER (WHERE created_at >= @since)::integer AS changes,
    count(*) FILTER (WHERE created_at < @since)::integer AS changes_before
FROM events
WHERE project = @project::text AND created_at >= @before;

-- name: ProjectTimeToProduction :one
-- Whole days from the making of a flag to its first time on in production, on average over the flags for which that was since
-- then; 0 when it was for none.
SELECT coalesce(avg(first.days), 0)::float8 AS days
FROM (
    SELECT DISTINCT ON (e.feature) floor(extract(epoch FROM e.created_at - f.created_at) / 86400) AS days
    FROM events e
    JOIN features f ON f.name = e.feature AND e.created_at >= f.created_at
    JOIN environments n ON n.name = e.environment AND n.type = 'production'
    WHERE f.project = @project
        AND e.type = 'feature-environment-enabled'
        AND e.created_at >= @since
        AND NOT EXISTS (
            SELECT
            FROM events o
            JOIN environments p ON p.name = o.environment AND p.type = 'production'
            WHERE o.feature = f.name
                AND o.type = 'feature-environment-enabled'
                AND o.created_at >= f.created_at
                AND o.created_at < @since
        )
    ORDER BY e.feature, e.id
) AS first;

-- name: ProjectTimesToProduction :many
-- The same for each flag that ever was on in production, or else was asked for there. One Index Scan using
-- events_feature_idx a flag.
SELECT f.name, floor(extract(epoch FROM coalesce(first.at, l.live_at) - f.created_at) / 86400)::integer AS days
FROM features f
LEFT JOIN feature_lifecycles l ON l.feature = f.name
LEFT JOIN LATERAL (
    SELECT min(e.created_at) AS at
    FROM events e
    JOIN environments n ON n.name = e.environment AND n.type = 'production'
    WHERE e.feature = f.name AND e.type = 'feature-environment-enabled' AND e.created_at >= f.created_at
) AS first ON true
WHERE f.project = @project AND coalesce(first.at, l.live_at) >= f.created_at
ORDER BY f.name;

-- name: ProjectChangesByDay :many
-- Days (UTC) without changes are left out.
SELECT to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD')::text AS day, count(*)::integer AS changes
FROM events
WHERE project = @project::text AND created_at >= @since
GROUP BY 1
ORDER BY 1;

-- name: ProjectResources :one
-- What a project has. Tokens are those made for it, not those that see every project.
SELECT
    (SELECT count(*) FROM api_token_projects t WHERE t.project = @project)::integer AS tokens,
    (SELECT count(*) FROM segments s WHERE s.project = @project)::integer AS segments;

-- name: ProjectLifecycle :one
-- How many flags are in each stage of life, and how many days those that left one were in it on average; -1 when none did.
WITH stages AS (
    SELECT
        f.created_at,
        f.archived_at,
        l.live_at,
        l.completed_at,
        CASE WHEN l.live_at IS NULL OR l.pre_live_at < l.live_at THEN l.pre_live_at END AS pre_live_at
    FROM features f
    LEFT JOIN feature_lifecycles l ON l.feature = f.name
    WHERE f.project = @project
), ends AS (
    SELECT
        s.*,
        least(pre_live_at, live_at, completed_at, archived_at) AS left_initial_at,
        least(live_at, completed_at, archived_at) AS left_pre_live_at,
        least(completed_at, archived_at) AS left_live_at
    FROM stages s
)
SELECT
    count(*) FILTER (WHERE left_initial_at IS NULL)::integer AS initial,
    count(*) FILTER (WHERE pre_live_at IS NOT NULL AND left_pre_live_at IS NULL)::integer AS pre_live,
    count(*) FILTER (WHERE live_at IS NOT NULL AND left_live_at IS NULL)::integer AS live,
    count(*) FILTER (WHERE completed_at IS NOT NULL AND archived_at IS NULL)::integer AS completed,
    count(*) FILTER (WHERE archived_at IS NOT NULL)::integer AS archived,
    count(*) FILTER (WHERE archived_at >= now() - interval '30 days')::integer AS archived_lately,
    coalesce(avg(extract(epoch FROM left_initial_at - created_at)) / 86400, -1)::float8 AS initial_days,
    coalesce(avg(extract(epoch FROM left_pre_live_at - pre_live_at)) / 86400, -1)::float8 AS pre_live_days,
    coalesce(avg(extract(epoch FROM left_live_at - live_at)) / 86400, -1)::float8 AS live_days,
    coalesce(avg(extract(epoch FROM archived_at - completed_at)) / 86400, -1)::float8 AS completed_days
FROM ends;

-- name: FeatureCreatorList :many
-- Who made the flags there are, under the newest of their names: of a project, or of all.
SELECT DISTINCT ON (created_by_user_id) created_by_user_id::integer AS id, created_by AS name
FROM features
WHERE created_by_user_id IS NOT NULL
    AND archived_at IS NULL
    AND (sqlc.narg('project')::text IS NULL OR project = sqlc.narg('project'))
ORDER BY created_by_user_id, created_at DESC, created_by;

-- name: FeatureListPersonal :many
-- Flags that somebody made or has among the favourites, the newest first.
SELECT f.name, f.type, f.project
FROM features f
WHERE f.archived_at IS NULL
    AND (
        f.created_by_user_id = @user_id::integer
        OR EXISTS (SELECT FROM feature_favorites v WHERE v.feature = f.name AND v.user_id = @user_id)
    )
ORDER BY f.created_at DESC, f.name
LIMIT @max;

-- name: ProjectEventsLatest :many
-- Index Scan Backward using events_project_idx.
SELECT * FROM events WHERE project = @project::text ORDER BY id DESC LIMIT @max;
