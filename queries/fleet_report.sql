-- What each node knows of the clients connected to it.

-- name: FleetReportPut :one
-- Returns the database's clock, so that the node can put its times on it.
INSERT INTO fleet_reports (node, report)
VALUES (@node, @report)
ON CONFLICT (node) DO UPDATE
SET report = excluded.report, reported_at = excluded.reported_at
RETURNING clock_timestamp()::timestamptz AS clock;

-- name: FleetReportTouch :one
-- Says that the node is there and its report still true. No row: it has to be put again.
UPDATE fleet_reports
SET reported_at = now()
WHERE node = @node
RETURNING clock_timestamp()::timestamptz AS clock;

-- name: FleetReportsOfOthers :many
SELECT node, report, reported_at
FROM fleet_reports
WHERE node <> @node
    AND reported_at > now() - make_interval(secs => @alive_seconds::integer)
ORDER BY node;

-- name: FleetReportDelete :exec
DELETE FROM fleet_reports
WHERE node = @node;

-- name: FleetReportDeleteDead :exec
DELETE FROM fleet_reports
WHERE reported_at < now() - make_interval(secs => @dead_seconds::integer);

-- name: ChangeLogEntry :one
-- The row of a revision, and the newest one there is.
SELECT
    (SELECT coalesce(max(newest.revision), 0) FROM change_log newest)::bigint AS head,
    coalesce(of.kind, '')::text AS kind,
    coalesce(of.entity, '')::text AS entity,
    coalesce(of.project, '')::text AS project,
    of.at
FROM (SELECT 1) one
LEFT JOIN change_log of ON of.revision = @revision;
