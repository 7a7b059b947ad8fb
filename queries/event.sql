-- name: EventAppend :exec
INSERT INTO events (
    type, created_by, created_by_user_id, project, environment, feature, data, pre_data, ip, request_id, group_type, group_id
) VALUES (
    @type, @created_by, sqlc.narg('created_by_user_id'), sqlc.narg('project'), sqlc.narg('environment'),
    sqlc.narg('feature'), sqlc.narg('data'), sqlc.narg('pre_data'), sqlc.narg('ip'), sqlc.narg('request_id'),
    sqlc.narg('group_type'), sqlc.narg('group_id')
);

-- name: EventGet :one
SELECT * FROM events WHERE id = @id;
