-- Answers to requests with an idempotency key.

-- name: IdempotencyKeyTryLock :one
-- Held until the transaction ends, on whichever server and behind a pooler. Not in one statement with IdempotencyKeyGet,
-- which must see what the lock's last holder committed.
SELECT pg_try_advisory_xact_lock(@id::bigint);

-- name: IdempotencyKeyGet :one
SELECT fingerprint, answer
FROM idempotency_keys
WHERE id = @id
    AND created_at > now() - make_interval(secs => @retention_seconds::integer);

-- name: IdempotencyKeyPut :exec
-- Replaces what has expired and is not deleted yet.
INSERT INTO idempotency_keys (id, fingerprint, answer)
VALUES (@id, @fingerprint, @answer)
ON CONFLICT (id) DO UPDATE
SET fingerprint = excluded.fingerprint, answer = excluded.answer, created_at = excluded.created_at;

-- name: IdempotencyKeyDeleteExpired :execrows
-- In small transactions, and past rows that another server is deleting.
DELETE FROM idempotency_keys
WHERE id IN (
    SELECT i.id
    FROM idempotency_keys i
    WHERE i.created_at <= now() - make_interval(secs => @retention_seconds::integer)
    ORDER BY i.created_at
    LIMIT @most::integer
    FOR UPDATE SKIP LOCKED
);
