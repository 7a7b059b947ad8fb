-- Reading the audit trail. The three searches have the same filters; NULL is no filter. Run them with plans of their own
-- (see control/event/search.go), or PostgreSQL may keep one plan for all combinations of filters.

-- name: EventSearch :many
-- Newest first. before_id continues where a page ended.
--
-- Plans for LIMIT 50 of 100,000 events:
--   no filter, or one that many match (a project of 40): Limit -> Index Scan Backward using events_pkey
--   one that few match (a flag of 5,000): Limit -> Sort -> Bitmap Heap Scan -> Bitmap Index Scan on events_feature_idx
--   pattern that few match: Limit -> Gather Merge -> Sort -> Parallel Seq Scan, unless there is an index over the trigrams
--     of this very expression, which docs/architecture.md describes: Limit -> Sort -> Bitmap Heap Scan
SELECT e.*
FROM events e
WHERE (sqlc.narg('ids')::bigint[] IS NULL OR e.id = ANY (sqlc.narg('ids')::bigint[]))
    AND (sqlc.narg('types')::text[] IS NULL OR e.type = ANY (sqlc.narg('types')::text[]))
    AND (sqlc.narg('projects')::text[] IS NULL OR e.project = ANY (sqlc.narg('projects')::text[]))
    AND (sqlc.narg('environments')::text[] IS NULL OR e.environment = ANY (sqlc.narg('environments')::text[]))
    AND (sqlc.narg('features')::text[] IS NULL OR e.feature = ANY (sqlc.narg('features')::text[]))
    AND (sqlc.narg('group_ids')::text[] IS NULL OR e.group_id = ANY (sqlc.narg('group_ids')::text[]))
    AND (sqlc.narg('created_by')::integer[] IS NULL OR e.created_by_user_id = ANY (sqlc.narg('created_by')::integer[]))
    AND (sqlc.narg('from_time')::timestamptz IS NULL OR e.created_at >= sqlc.narg('from_time')::timestamptz)
    AND (sqlc.narg('to_time')::timestamptz IS NULL OR e.created_at < sqlc.narg('to_time')::timestamptz)
    AND (
        sqlc.narg('pattern')::text IS NULL
        OR (
            e.type || ' ' || e.created_by || ' ' || coalesce(e.project, '') || ' ' || coalesce(e.environment, '') || ' ' || coalesce(e.feature, '')
            || ' ' || coalesce(e.data::text, '') || ' ' || coalesce(e.pre_data::text, '')
        ) ILIKE sqlc.narg('pattern')::text
    )
    AND (sqlc.narg('before_id')::bigint IS NULL OR e.id < sqlc.narg('before_id')::bigint)
ORDER BY e.id DESC
LIMIT @page_size::integer
OFFSET @page_offset::bigint;

-- name: EventSearchCount :one
-- Plans for 100,000 events:
--   no filter: Aggregate -> Seq Scan (20 ms)
--   a flag: Aggregate -> Bitmap Heap Scan -> Bitmap Index Scan on events_feature_idx
--   pattern: Finalize Aggregate -> Gather -> Parallel Seq Scan
SELECT count(*)
FROM events e
WHERE (sqlc.narg('ids')::bigint[] IS NULL OR e.id = ANY (sqlc.narg('ids')::bigint[]))
    AND (sqlc.narg('types')::text[] IS NULL OR e.type = ANY (sqlc.narg('types')::text[]))
    AND (sqlc.narg('projects')::text[] IS NULL OR e.project = ANY (sqlc.narg('projects')::text[]))
    AND (sqlc.narg('environments')::text[] IS NULL OR e.environment = ANY (sqlc.narg('environments')::text[]))
    AND (sqlc.narg('features')::text[] IS NULL OR e.feature = ANY (sqlc.narg('features')::text[]))
    AND (sqlc.narg('group_ids')::text[] IS NULL OR e.group_id = ANY (sqlc.narg('group_ids')::text[]))
    AND (sqlc.narg('created_by')::integer[] IS NULL OR e.created_by_user_id = ANY (sqlc.narg('created_by')::integer[]))
    AND (sqlc.narg('from_time')::timestamptz IS NULL OR e.created_at >= sqlc.narg('from_time')::timestamptz)
    AND (sqlc.narg('to_time')::timestamptz IS NULL OR e.created_at < sqlc.narg('to_time')::timestamptz)
    AND (
        sqlc.narg('pattern')::text IS NULL
        OR (
            e.type || ' ' || e.created_by || ' ' || coalesce(e.project, '') || ' ' || coalesce(e.environment, '') || ' ' || coalesce(e.feature, '')
            || ' ' || coalesce(e.data::text, '') || ' ' || coalesce(e.pre_data::text, '')
        ) ILIKE sqlc.narg('pattern')::text
    );

-- name: EventFollow :many
-- Oldest first, in the order in which events were committed, after a position.
--
-- LIMIT 50: Limit -> Nested Loop -> Index Scan using event_positions_pkey, Index Scan using events_pkey
SELECT sqlc.embed(e), p.position
FROM event_positions p
JOIN events e ON e.id = p.event_id
WHERE p.position > @after::bigint
    AND (sqlc.narg('ids')::bigint[] IS NULL OR e.id = ANY (sqlc.narg('ids')::bigint[]))
    AND (sqlc.narg('types')::text[] IS NULL OR e.type = ANY (sqlc.narg('types')::text[]))
    AND (sqlc.narg('projects')::text[] IS NULL OR e.project = ANY (sqlc.narg('projects')::text[]))
    AND (sqlc.narg('environments')::text[] IS NULL OR e.environment = ANY (sqlc.narg('environments')::text[]))
    AND (sqlc.narg('features')::text[] IS NULL OR e.feature = ANY (sqlc.narg('features')::text[]))
    AND (sqlc.narg('group_ids')::text[] IS NULL OR e.group_id = ANY (sqlc.narg('group_ids')::text[]))
    AND (sqlc.narg('created_by')::integer[] IS NULL OR e.created_by_user_id = ANY (sqlc.narg('created_by')::integer[]))
    AND (sqlc.narg('from_time')::timestamptz IS NULL OR e.created_at >= sqlc.narg('from_time')::timestamptz)
    AND (sqlc.narg('to_time')::timestamptz IS NULL OR e.created_at < sqlc.narg('to_time')::timestamptz)
    AND (
        sqlc.narg('pattern')::text IS NULL
        OR (
            e.type || ' ' || e.created_by || ' ' || coalesce(e.project, '') || ' ' || coalesce(e.environment, '') || ' ' || coalesce(e.feature, '')
            || ' ' || coalesce(e.data::text, '') || ' ' || coalesce(e.pre_data::text, '')
        ) ILIKE sqlc.narg('pattern')::text
    )
ORDER BY p.position
LIMIT @page_size::integer;

-- name: EventPositionLast :one
-- The newest position; 0 before the first event.
SELECT coalesce(max(position), 0)::bigint FROM event_positions;

-- name: EventCreators :many
-- Who wrote events, with the name each had last. It jumps from one id to the next instead of reading every event:
--   Recursive Union -> Index Only Scan using events_created_by_idx (one row a creator)
WITH RECURSIVE creators AS (
    SELECT min(created_by_user_id) AS id FROM events
    UNION ALL
    SELECT (SELECT min(e.created_by_user_id) FROM events e WHERE e.created_by_user_id > c.id)
    FROM creators c
    WHERE c.id IS NOT NULL
)
SELECT c.id::integer AS id, last.created_by AS name
FROM creators c
JOIN LATERAL (
    SELECT e.created_by FROM events e WHERE e.created_by_user_id = c.id ORDER BY e.id DESC LIMIT 1
) last ON true
WHERE c.id IS NOT NULL
ORDER BY c.id
LIMIT 10000;
