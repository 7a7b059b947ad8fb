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

-- name: ChangeLogHead :one
-- The newest revision there is, and whether the environment exists.
SELECT
    (SELECT coalesce(max(newest.revision), 0) FROM change_log newest)::bigint AS head,
    EXISTS (SELECT FROM environments e WHERE e.name = @environment) AS known;

-- name: ChangeLogEntry :one
-- What a revision changed.
SELECT kind, entity, project, at
FROM change_log
WHERE revision = @revision;
