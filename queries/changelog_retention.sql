-- How old rows leave the change log. Only ever the oldest rows go, and never the newest row: a reader tells from what is
-- left whether it has missed something.

-- name: ChangeLogRetentionLock :one
-- One server at a time, until its transaction ends.
SELECT pg_try_advisory_xact_lock(hashtextextended('pennon.change_log_retention', 0));

-- name: ChangeLogRetentionBound :one
-- The newest revision that may go: of a row that is too old, or that has more than keep rows after it. 0: none. Rows are
-- as old as their order says, so the search ends at the first one that is not too old.
SELECT least(
    (SELECT coalesce(max(newest.revision), 0) - 1 FROM change_log newest),
    greatest(
        coalesce(
            (SELECT young.revision - 1 FROM change_log young WHERE young.at >= @before ORDER BY young.revision LIMIT 1),
            (SELECT max(old.revision) FROM change_log old),
            0
        ),
        coalesce((SELECT kept.revision FROM change_log kept ORDER BY kept.revision DESC OFFSET @keep::bigint LIMIT 1), 0)
    )
)::bigint AS revision;

-- name: ChangeLogDelete :execrows
DELETE FROM change_log
WHERE change_log.revision IN (
    SELECT oldest.revision
    FROM change_log oldest
    WHERE oldest.revision <= @bound
    ORDER BY oldest.revision
    LIMIT @max
);
