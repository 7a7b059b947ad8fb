-- How often flags are asked for. Writers are in usage.sql.

-- name: FeatureUsageKnown :one
-- Whether there is such a flag, or was one that was asked for.
SELECT (EXISTS (SELECT 1 FROM features WHERE name = @feature)
    OR EXISTS (SELECT 1 FROM client_metrics m WHERE m.feature = @feature))::boolean AS known;

-- name: FeatureUsageList :many
-- Counts by hour or day (UTC), application and environment:
--   GroupAggregate -> Sort -> Bitmap Heap Scan on client_metrics -> Bitmap Index Scan on client_metrics_pkey
SELECT
    date_trunc(@unit::text, hour, 'UTC')::timestamptz AS at,
    app_name,
    environment,
    sum(yes)::bigint AS yes,
    sum(no)::bigint AS no
FROM client_metrics
WHERE feature = @feature AND hour >= @from_time AND hour <= @to_time
GROUP BY 1, 2, 3
ORDER BY 1, 2, 3;

-- name: FeatureUsageVariantList :many
SELECT
    date_trunc(@unit::text, hour, 'UTC')::timestamptz AS at,
    app_name,
    environment,
    variant,
    sum(count)::bigint AS count
FROM client_metrics_variants
WHERE feature = @feature AND hour >= @from_time AND hour <= @to_time
GROUP BY 1, 2, 3, 4
ORDER BY 1, 2, 3, 4;

-- name: FeatureUsageLastHour :many
-- The newest hour of each environment that is not over for longer than an hour:
--   Unique -> GroupAggregate -> Sort -> Bitmap Heap Scan -> Bitmap Index Scan on client_metrics_pkey
SELECT DISTINCT ON (environment) environment, hour, sum(yes)::bigint AS yes, sum(no)::bigint AS no
FROM client_metrics
WHERE feature = @feature AND hour >= @from_time
GROUP BY environment, hour
ORDER BY environment, hour DESC;

-- name: FeatureApplications :many
-- Unique -> Index Only Scan using application_features_feature_idx
SELECT DISTINCT app_name
FROM application_features
WHERE feature = @feature
ORDER BY app_name
LIMIT 1000;

-- name: UnknownFlagList :many
-- Their number is bounded by the writer. Names of flags that were made since then are left out.
SELECT
    u.*,
    coalesce((
        SELECT e.created_at FROM events e WHERE e.feature = u.name ORDER BY e.id DESC LIMIT 1
    ), 'epoch')::timestamptz AS last_event_at
FROM unknown_flags u
WHERE NOT EXISTS (SELECT 1 FROM features f WHERE f.name = u.name)
ORDER BY u.name, u.app_name, u.environment;
