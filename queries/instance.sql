-- name: InstanceID :one
SELECT id FROM instance;

-- name: InstanceSecret :one
SELECT secret FROM instance;

-- name: InstanceCounts :one
-- How much of everything there is.
SELECT
    (SELECT count(*) FROM features WHERE archived_at IS NULL) AS features,
    (SELECT count(*) FROM projects WHERE archived_at IS NULL) AS projects,
    (SELECT count(*) FROM context_fields) AS context_fields,
    (SELECT count(*) FROM environments WHERE enabled) AS environments,
    (SELECT count(*) FROM segments) AS segments,
    (SELECT count(*) FROM strategy_types) AS strategies,
    (SELECT count(*) FROM api_tokens WHERE kind = 'admin') AS admin_tokens,
    (SELECT count(*) FROM api_tokens WHERE kind = 'client') AS client_tokens,
    (SELECT count(*) FROM api_tokens WHERE kind = 'frontend') AS frontend_tokens,
    (SELECT count(*) FROM client_applications) AS applications,
    (SELECT count(*) FROM client_applications WHERE seen_at >= now() - interval '30 days') AS applications_30_days,
    (SELECT count(*) FROM client_applications WHERE seen_at >= now() - interval '7 days') AS applications_7_days,
    (SELECT count(*) FROM events WHERE type = 'features-exported') AS exports,
    (SELECT count(*) FROM events WHERE type = 'features-imported') AS imports;

-- name: InstanceProductionChanges :one
-- Events in environments of type production: Index Scan using events_created_at_idx, or events_environment_idx.
SELECT
    count(*) FILTER (WHERE e.created_at >= now() - interval '30 days') AS days_30,
    count(*) FILTER (WHERE e.created_at >= now() - interval '60 days') AS days_60,
    count(*) AS days_90
FROM events e
WHERE e.created_at >= now() - interval '90 days'
    AND e.environment IN (SELECT name FROM environments WHERE type = 'production');

-- name: InstanceUsageBuckets :one
-- Rows of usage of the last whole day (UTC): Index Only Scan using client_metrics_hour_idx and its twin.
SELECT
    (SELECT count(*) FROM client_metrics m WHERE m.hour >= @from_time AND m.hour < @to_time) AS counts,
    (SELECT count(*) FROM client_metrics_variants v WHERE v.hour >= @from_time AND v.hour < @to_time) AS variants;

-- name: InstanceStrategyMaxima :one
-- How near flags come to the limits. It reads every strategy once.
SELECT
    coalesce((
        SELECT max(n) FROM (SELECT count(*) AS n FROM feature_strategies GROUP BY feature, environment) AS sizes
    ), 0)::bigint AS strategies,
    coalesce((SELECT max(jsonb_array_length(constraints)) FROM feature_strategies), 0)::bigint AS constraints,
    coalesce((
        SELECT max(jsonb_array_length(c -> 'values'))
        FROM feature_strategies s, jsonb_array_elements(s.constraints) AS c
        WHERE jsonb_typeof(c -> 'values') = 'array'
    ), 0)::bigint AS constraint_values;
