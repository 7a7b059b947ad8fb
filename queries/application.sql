-- What applications say of themselves, and what they ask for. Writers are in usage.sql.

-- name: ApplicationList :many
-- One page. There are as many rows as applications: a sequential scan of a small table, sorted.
SELECT *
FROM client_applications a
WHERE sqlc.narg('pattern')::text IS NULL OR a.app_name ILIKE sqlc.narg('pattern')::text
ORDER BY
    CASE WHEN @sort_by::text = 'createdAt' AND NOT @descending::boolean THEN a.created_at END,
    CASE WHEN @sort_by::text = 'createdAt' AND @descending::boolean THEN a.created_at END DESC,
    CASE WHEN @sort_by::text = 'lastSeen' AND NOT @descending::boolean THEN a.seen_at END,
    CASE WHEN @sort_by::text = 'lastSeen' AND @descending::boolean THEN a.seen_at END DESC,
    CASE WHEN @sort_by::text = 'appName' AND @descending::boolean THEN a.app_name END DESC,
    a.app_name
LIMIT @page_size::integer
OFFSET @page_offset::bigint;

-- name: ApplicationCount :one
SELECT count(*)
FROM client_applications a
WHERE sqlc.narg('pattern')::text IS NULL OR a.app_name ILIKE sqlc.narg('pattern')::text;

-- name: ApplicationGet :one
SELECT * FROM client_applications WHERE app_name = @app_name;

-- name: ApplicationUsage :many
-- In which projects and environments applications ask for flags:
--   Sort -> HashAggregate -> Hash Join -> Index Only Scan using application_features_pkey, Seq Scan on features
SELECT DISTINCT af.app_name, f.project, af.environment
FROM application_features af
JOIN features f ON f.name = af.feature
WHERE af.app_name = ANY (@app_names::text[]) AND f.archived_at IS NULL
ORDER BY af.app_name, f.project, af.environment;

-- name: ApplicationFeatureCount :one
-- Index Only Scan using application_features_pkey
SELECT count(DISTINCT feature) FROM application_features WHERE app_name = @app_name;

-- name: ApplicationSDKs :many
-- Index Scan using client_instances_pkey
SELECT
    environment,
    coalesce(sdk_version, '')::text AS sdk_version,
    coalesce(sdk_type, '')::text AS sdk_type,
    coalesce(spec_version, '')::text AS spec_version,
    count(*) AS instances,
    max(seen_at)::timestamptz AS seen_at
FROM client_instances
WHERE app_name = @app_name
GROUP BY 1, 2, 3, 4
ORDER BY 1, 2, 3, 4;

-- name: ApplicationUnknownFlags :many
-- Index Scan using unknown_flags_app_idx
SELECT u.environment, u.name
FROM unknown_flags u
WHERE u.app_name = @app_name
    AND NOT EXISTS (SELECT 1 FROM features f WHERE f.name = u.name)
ORDER BY u.environment, u.name;

-- name: ApplicationMissingStrategies :many
-- Strategy types that the application says it can evaluate and that do not exist here.
SELECT s.name::text AS name
FROM client_applications a, jsonb_array_elements_text(a.strategies) AS s (name)
WHERE a.app_name = @app_name
    AND NOT EXISTS (SELECT 1 FROM strategy_types t WHERE t.name = s.name)
ORDER BY s.name;

-- name: ApplicationInstances :many
-- Index Scan using client_instances_pkey
SELECT instance_id, sdk_version, client_ip, seen_at
FROM client_instances
WHERE app_name = @app_name AND environment = @environment
ORDER BY seen_at DESC, instance_id
LIMIT @page_size::integer;

-- name: ApplicationSet :one
-- Makes the application, or says more of it. NULL leaves what is known. Whether it is new comes with it.
INSERT INTO client_applications AS a (app_name, strategies, url, color, icon)
VALUES (@app_name, coalesce(sqlc.narg('strategies')::jsonb, '[]'), sqlc.narg('url'), sqlc.narg('color'), sqlc.narg('icon'))
ON CONFLICT (app_name) DO UPDATE
SET strategies = coalesce(sqlc.narg('strategies')::jsonb, a.strategies),
    url = coalesce(excluded.url, a.url),
    color = coalesce(excluded.color, a.color),
    icon = coalesce(excluded.icon, a.icon)
RETURNING (xmax = 0)::boolean AS created;

-- name: ApplicationDelete :execrows
DELETE FROM client_applications WHERE app_name = @app_name;

-- name: ApplicationInstancesDelete :exec
DELETE FROM client_instances WHERE app_name = @app_name;

-- name: ApplicationFeaturesDelete :exec
DELETE FROM application_features WHERE app_name = @app_name;

-- name: ApplicationUnknownFlagsDelete :exec
DELETE FROM unknown_flags WHERE app_name = @app_name;

-- name: SDKVersionList :many
-- The SDKs that report which client specification they know; of one project: of applications that ask for its flags.
--   HashAggregate -> Seq Scan on client_instances, semi-joined over application_features_feature_idx for a project
SELECT DISTINCT i.sdk_version::text AS sdk_version, i.spec_version::text AS spec_version, i.app_name
FROM client_instances i
WHERE i.sdk_version IS NOT NULL AND i.spec_version IS NOT NULL
    AND (
        sqlc.narg('project')::text IS NULL
        OR i.app_name IN (
            SELECT af.app_name
            FROM application_features af
            JOIN features f ON f.name = af.feature
            WHERE f.project = sqlc.narg('project')::text AND f.archived_at IS NULL
        )
    )
ORDER BY 1, 2, 3;

-- name: ProjectApplicationList :many
-- Applications that ask for flags of a project:
--   GroupAggregate -> Sort -> Hash Join -> Seq Scan on application_features, features (2 ms where all flags are the project's)
--   For a project with few of the flags: Nested Loop -> features_project_idx, application_features_feature_idx
SELECT af.app_name, array_agg(DISTINCT af.environment ORDER BY af.environment)::text[] AS environments
FROM application_features af
JOIN features f ON f.name = af.feature
WHERE f.project = @project AND f.archived_at IS NULL
    AND (sqlc.narg('pattern')::text IS NULL OR af.app_name ILIKE sqlc.narg('pattern')::text)
GROUP BY af.app_name
ORDER BY
    CASE WHEN @descending::boolean THEN af.app_name END DESC,
    af.app_name
LIMIT @page_size::integer
OFFSET @page_offset::bigint;

-- name: ProjectApplicationCount :one
SELECT count(DISTINCT af.app_name)
FROM application_features af
JOIN features f ON f.name = af.feature
WHERE f.project = @project AND f.archived_at IS NULL
    AND (sqlc.narg('pattern')::text IS NULL OR af.app_name ILIKE sqlc.narg('pattern')::text);

-- name: ProjectApplicationInstances :many
-- Instances of applications in the environments where they ask for flags of the project.
SELECT DISTINCT i.app_name, i.instance_id, coalesce(i.sdk_version, '')::text AS sdk_version
FROM client_instances i
WHERE i.app_name = ANY (@app_names::text[])
    AND EXISTS (
        SELECT 1
        FROM application_features af
        JOIN features f ON f.name = af.feature
        WHERE af.app_name = i.app_name AND af.environment = i.environment AND f.project = @project
    )
ORDER BY 1, 2, 3
LIMIT @page_size::integer;
