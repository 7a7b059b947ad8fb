-- name: ClientMetricsAdd :exec
-- Rows are locked in key order, so that two nodes flushing at once never deadlock.
INSERT INTO client_metrics AS m (feature, app_name, environment, hour, yes, no)
SELECT t.feature, t.app_name, t.environment, t.hour, t.yes, t.no
FROM (
    SELECT
        unnest(@features::text[]) AS feature,
        unnest(@app_names::text[]) AS app_name,
        unnest(@environments::text[]) AS environment,
        unnest(@hours::timestamptz[]) AS hour,
        unnest(@yes::bigint[]) AS yes,
        unnest(@no::bigint[]) AS no
) AS t
ORDER BY t.feature, t.app_name, t.environment, t.hour
ON CONFLICT (feature, app_name, environment, hour) DO UPDATE
SET yes = m.yes + excluded.yes,
    no = m.no + excluded.no;

-- name: ClientMetricsVariantsAdd :exec
INSERT INTO client_metrics_variants AS m (feature, app_name, environment, hour, variant, count)
SELECT t.feature, t.app_name, t.environment, t.hour, t.variant, t.count
FROM (
    SELECT
        unnest(@features::text[]) AS feature,
        unnest(@app_names::text[]) AS app_name,
        unnest(@environments::text[]) AS environment,
        unnest(@hours::timestamptz[]) AS hour,
        unnest(@variants::text[]) AS variant,
        unnest(@counts::bigint[]) AS count
) AS t
ORDER BY t.feature, t.app_name, t.environment, t.hour, t.variant
ON CONFLICT (feature, app_name, environment, hour, variant) DO UPDATE
SET count = m.count + excluded.count;

-- name: FeatureLastSeenSet :exec
-- Flags and environments that do not exist (SDKs count those too) are left out.
INSERT INTO feature_last_seen AS s (feature, environment, last_seen_at)
SELECT t.feature, t.environment, t.last_seen_at
FROM (
    SELECT
        unnest(@features::text[]) AS feature,
        unnest(@environments::text[]) AS environment,
        unnest(@last_seen_at::timestamptz[]) AS last_seen_at
) AS t
JOIN features f ON f.name = t.feature
JOIN environments e ON e.name = t.environment
ORDER BY t.feature, t.environment
ON CONFLICT (feature, environment) DO UPDATE
SET last_seen_at = greatest(s.last_seen_at, excluded.last_seen_at);

-- name: ClientApplicationsSeen :exec
INSERT INTO client_applications AS a (app_name, strategies, seen_at)
SELECT t.app_name, t.strategies::jsonb, t.seen_at
FROM (
    SELECT
        unnest(@app_names::text[]) AS app_name,
        unnest(@strategies::text[]) AS strategies,
        unnest(@seen_at::timestamptz[]) AS seen_at
) AS t
ORDER BY t.app_name
ON CONFLICT (app_name) DO UPDATE
SET strategies = CASE WHEN excluded.strategies = '[]' THEN a.strategies ELSE excluded.strategies END,
    seen_at = greatest(a.seen_at, excluded.seen_at);

-- name: ClientInstancesSeen :exec
-- Empty text is unknown and overwrites nothing.
INSERT INTO client_instances AS i (
    app_name, environment, instance_id, connection_id, sdk_version, sdk_type, platform_name, platform_version,
    spec_version, client_ip, started_at, seen_at
)
SELECT
    t.app_name, t.environment, t.instance_id, nullif(t.connection_id, ''), nullif(t.sdk_version, ''), nullif(t.sdk_type, ''),
    nullif(t.platform_name, ''), nullif(t.platform_version, ''), nullif(t.spec_version, ''), nullif(t.client_ip, ''),
    nullif(t.started_at, 'epoch'), t.seen_at
FROM (
    SELECT
        unnest(@app_names::text[]) AS app_name,
        unnest(@environments::text[]) AS environment,
        unnest(@instance_ids::text[]) AS instance_id,
        unnest(@connection_ids::text[]) AS connection_id,
        unnest(@sdk_versions::text[]) AS sdk_version,
        unnest(@sdk_types::text[]) AS sdk_type,
        unnest(@platform_names::text[]) AS platform_name,
        unnest(@platform_versions::text[]) AS platform_version,
        unnest(@spec_versions::text[]) AS spec_version,
        unnest(@client_ips::text[]) AS client_ip,
        unnest(@started_at::timestamptz[]) AS started_at,
        unnest(@seen_at::timestamptz[]) AS seen_at
) AS t
ORDER BY t.app_name, t.environment, t.instance_id
ON CONFLICT (app_name, environment, instance_id) DO UPDATE
SET connection_id = coalesce(excluded.connection_id, i.connection_id),
    sdk_version = coalesce(excluded.sdk_version, i.sdk_version),
    sdk_type = coalesce(excluded.sdk_type, i.sdk_type),
    platform_name = coalesce(excluded.platform_name, i.platform_name),
    platform_version = coalesce(excluded.platform_version, i.platform_version),
    spec_version = coalesce(excluded.spec_version, i.spec_version),
    client_ip = coalesce(excluded.client_ip, i.client_ip),
    started_at = coalesce(excluded.started_at, i.started_at),
    seen_at = greatest(i.seen_at, excluded.seen_at);

-- name: ClientMetricsPrune :execrows
DELETE FROM client_metrics WHERE hour < @before;

-- name: ClientMetricsVariantsPrune :execrows
DELETE FROM client_metrics_variants WHERE hour < @before;

-- name: ClientInstancesPrune :execrows
DELETE FROM client_instances WHERE seen_at < @before;

-- name: ApplicationFeaturesSeen :exec
-- Flags and environments that do not exist are left out. Rows are written again when they are ten minutes old, not at
-- every report.
INSERT INTO application_features AS a (app_name, environment, feature, seen_at)
SELECT t.app_name, t.environment, t.feature, t.seen_at
FROM (
    SELECT
        unnest(@app_names::text[]) AS app_name,
        unnest(@environments::text[]) AS environment,
        unnest(@features::text[]) AS feature,
        unnest(@seen_at::timestamptz[]) AS seen_at
) AS t
JOIN features f ON f.name = t.feature
JOIN environments e ON e.name = t.environment
ORDER BY t.app_name, t.environment, t.feature
ON CONFLICT (app_name, environment, feature) DO UPDATE
SET seen_at = excluded.seen_at
WHERE a.seen_at < excluded.seen_at - interval '10 minutes';

-- name: UnknownFlagsSeen :exec
-- Names that no flag has. Beyond max_rows, only those that are known already are kept up to date.
WITH reported AS (
    SELECT
        unnest(@names::text[]) AS name,
        unnest(@app_names::text[]) AS app_name,
        unnest(@environments::text[]) AS environment,
        unnest(@seen_at::timestamptz[]) AS seen_at
), unknown AS (
    SELECT r.name, r.app_name, r.environment, r.seen_at, (k.name IS NOT NULL)::boolean AS known
    FROM reported r
    LEFT JOIN unknown_flags k ON k.name = r.name AND k.app_name = r.app_name AND k.environment = r.environment
    WHERE NOT EXISTS (SELECT 1 FROM features f WHERE f.name = r.name)
), numbered AS (
    SELECT
        n.name, n.app_name, n.environment, n.seen_at, n.known,
        row_number() OVER (PARTITION BY n.known ORDER BY n.name, n.app_name, n.environment) AS place
    FROM unknown n
), kept AS (
    SELECT n.name, n.app_name, n.environment, n.seen_at
    FROM numbered n, (SELECT count(*) AS stored FROM unknown_flags) s
    WHERE n.known OR n.place + s.stored <= @max_rows::bigint
)
INSERT INTO unknown_flags AS u (name, app_name, environment, seen_at)
SELECT o.name, o.app_name, o.environment, o.seen_at
FROM kept o
ORDER BY o.name, o.app_name, o.environment
ON CONFLICT (name, app_name, environment) DO UPDATE
SET seen_at = excluded.seen_at
WHERE u.seen_at < excluded.seen_at;

-- name: ApplicationFeaturesPrune :execrows
DELETE FROM application_features WHERE seen_at < @before;

-- name: UnknownFlagsPrune :execrows
-- Old ones, and those that are known by now.
DELETE FROM unknown_flags u
WHERE u.seen_at < @before OR EXISTS (SELECT 1 FROM features f WHERE f.name = u.name);

-- name: TransactionID :one
SELECT pg_current_xact_id()::text AS id;

-- name: TransactionStatus :one
-- What has become of a transaction. Empty when the server does not remember it, which is after two billion others.
SELECT coalesce(pg_xact_status((@id::text)::xid8), '')::text AS status;

-- name: UnknownFlagCounts :one
-- Bounded by the writer.
SELECT count(*) AS reports, count(DISTINCT name) AS names
FROM unknown_flags
WHERE seen_at >= now() - interval '24 hours';

-- name: UsageSenderAdvance :execrows
-- 1 when the report is new, 0 when it was counted before. While another transaction counts it, this one waits to see
-- whether it commits.
INSERT INTO usage_senders AS s (id, number)
VALUES (@id, @number)
ON CONFLICT (id) DO UPDATE
SET number = excluded.number, seen_at = now()
WHERE s.number < excluded.number;

-- name: UsageSendersPrune :execrows
DELETE FROM usage_senders WHERE seen_at < @before;
