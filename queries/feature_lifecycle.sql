-- How far flags have come.

-- name: FeatureLifecycleGet :one
SELECT *
FROM feature_lifecycles
WHERE feature = @feature;

-- name: FeatureLifecycleComplete :exec
INSERT INTO feature_lifecycles (feature, completed_at, status, status_value)
VALUES (@feature, now(), @status::text, sqlc.narg(status_value))
ON CONFLICT (feature) DO UPDATE
SET completed_at = coalesce(feature_lifecycles.completed_at, EXCLUDED.completed_at),
    status = EXCLUDED.status,
    status_value = EXCLUDED.status_value;

-- name: FeatureLifecycleUncomplete :execrows
UPDATE feature_lifecycles
SET completed_at = NULL,
    status = NULL,
    status_value = NULL
WHERE feature = @feature
    AND completed_at IS NOT NULL;

-- Flags are pre-live once they are asked for anywhere, live once that is in production. What is reached stays reached.
-- name: FeatureLifecycleAdvance :execrows
INSERT INTO feature_lifecycles (feature, pre_live_at, live_at)
SELECT
    s.feature,
    min(s.last_seen_at) FILTER (WHERE e.type <> 'production'),
    min(s.last_seen_at) FILTER (WHERE e.type = 'production')
FROM feature_last_seen s
JOIN environments e ON e.name = s.environment
LEFT JOIN feature_lifecycles l ON l.feature = s.feature
WHERE CASE WHEN e.type = 'production' THEN l.live_at ELSE l.pre_live_at END IS NULL
GROUP BY s.feature
ORDER BY s.feature
ON CONFLICT (feature) DO UPDATE
SET pre_live_at = coalesce(feature_lifecycles.pre_live_at, EXCLUDED.pre_live_at),
    live_at = coalesce(feature_lifecycles.live_at, EXCLUDED.live_at);

-- name: FeatureLifecycleCount :one
SELECT
    count(*) FILTER (WHERE f.archived_at IS NOT NULL) AS archived,
    count(*) FILTER (WHERE f.archived_at IS NULL AND l.completed_at IS NOT NULL) AS completed,
    count(*) FILTER (WHERE f.archived_at IS NULL AND l.completed_at IS NULL AND l.live_at IS NOT NULL) AS live,
    count(*) FILTER (
        WHERE f.archived_at IS NULL AND l.completed_at IS NULL AND l.live_at IS NULL AND l.pre_live_at IS NOT NULL
    ) AS pre_live,
    count(*) FILTER (
        WHERE f.archived_at IS NULL AND l.completed_at IS NULL AND l.live_at IS NULL AND l.pre_live_at IS NULL
    ) AS initial
FROM features f
LEFT JOIN feature_lifecycles l ON l.feature = f.name;

-- Only one server does this work at a time; the others need not do it after it.
-- name: FeatureAgingTryLock :one
SELECT pg_try_advisory_xact_lock(hashtextextended('pennon.feature_aging', 0))::boolean AS locked;

-- Active flags whose mark is not what their age says. A flag that somebody is writing to is left to the next time.
-- name: FeaturePotentiallyStaleLock :many
SELECT f.*
FROM features f
JOIN feature_types t ON t.id = f.type
WHERE f.archived_at IS NULL
    AND f.potentially_stale <> coalesce(f.created_at + t.lifetime_days * interval '1 day' < now(), false)
ORDER BY f.name
LIMIT @max
FOR NO KEY UPDATE OF f SKIP LOCKED;

-- name: FeatureSetPotentiallyStale :exec
UPDATE features
SET potentially_stale = @potentially_stale
WHERE name = ANY(@names::text[]);
