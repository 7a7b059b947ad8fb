-- name: APITokenList :many
-- Tokens, newest first: all of them, or those with a name, with one of some ids, or bound to a project.
SELECT
    t.*,
    s.last_seen_at,
    ARRAY(SELECT p.project FROM api_token_projects p WHERE p.token_id = t.id ORDER BY p.project)::text[] AS projects
FROM api_tokens t
LEFT JOIN api_token_last_seen s ON s.token_id = t.id
WHERE (sqlc.narg('name')::text IS NULL OR t.name = sqlc.narg('name'))
    AND (sqlc.narg('ids')::bigint[] IS NULL OR t.id = ANY (sqlc.narg('ids')::bigint[]))
    AND (
        sqlc.narg('project')::text IS NULL
        OR EXISTS (SELECT 1 FROM api_token_projects p WHERE p.token_id = t.id AND p.project = sqlc.narg('project'))
    )
ORDER BY t.created_at DESC, t.id DESC;

-- name: APITokenGetBySecret :one
-- The token with that secret, or with that alias.
SELECT
    t.*,
    s.last_seen_at,
    ARRAY(SELECT p.project FROM api_token_projects p WHERE p.token_id = t.id ORDER BY p.project)::text[] AS projects
FROM api_tokens t
LEFT JOIN api_token_last_seen s ON s.token_id = t.id
WHERE t.secret_hash = @secret_hash OR t.alias = @secret::text
ORDER BY t.secret_hash = @secret_hash DESC, t.id
LIMIT 1;

-- name: APITokenCount :one
SELECT count(*) FROM api_tokens;

-- name: APITokenCreate :one
-- Inserts nothing, and returns no row, when the secret exists already.
INSERT INTO api_tokens (secret_hash, secret, name, kind, environment, all_projects, alias, created_by_user_id, expires_at)
VALUES (
    @secret_hash, @secret, @name, @kind, sqlc.narg('environment'), @all_projects, sqlc.narg('alias'),
    sqlc.narg('created_by_user_id'), sqlc.narg('expires_at')
)
ON CONFLICT (secret_hash) DO NOTHING
RETURNING *;

-- name: APITokenProjectsAdd :exec
INSERT INTO api_token_projects (token_id, project)
SELECT @token_id, unnest(@projects::text[]);

-- name: APITokenExpiryUpdate :exec
UPDATE api_tokens SET expires_at = sqlc.narg('expires_at') WHERE id = @id;

-- name: APITokenDelete :execrows
DELETE FROM api_tokens WHERE id = @id;

-- name: APITokenSeen :exec
-- Takes tokens that exist only; never goes back in time. The table is not watched by the change log.
INSERT INTO api_token_last_seen (token_id, last_seen_at)
SELECT t.id, seen.at
FROM (SELECT unnest(@ids::bigint[]) AS id, unnest(@times::timestamptz[]) AS at) seen
JOIN api_tokens t ON t.id = seen.id
ORDER BY t.id
ON CONFLICT (token_id) DO UPDATE
SET last_seen_at = greatest(api_token_last_seen.last_seen_at, excluded.last_seen_at);

-- name: ProjectsMissing :many
-- Those of the ids that are no active project.
SELECT wanted.id::text AS id
FROM unnest(@ids::text[]) AS wanted (id)
WHERE NOT EXISTS (SELECT 1 FROM projects p WHERE p.id = wanted.id AND p.archived_at IS NULL)
ORDER BY wanted.id;

-- name: EnvironmentExists :one
SELECT EXISTS (SELECT 1 FROM environments WHERE name = @name);
