-- name: TagTypeList :many
SELECT * FROM tag_types ORDER BY name;

-- name: TagTypeGet :one
SELECT * FROM tag_types WHERE name = @name;

-- name: TagTypeLock :one
SELECT * FROM tag_types WHERE name = @name FOR UPDATE;

-- name: TagTypeCreate :one
INSERT INTO tag_types (name, description, icon, color)
VALUES (@name, @description, sqlc.narg('icon'), sqlc.narg('color'))
RETURNING *;

-- name: TagTypeUpdate :one
UPDATE tag_types
SET description = @description, icon = sqlc.narg('icon'), color = sqlc.narg('color')
WHERE name = @name
RETURNING *;

-- name: TagTypeDelete :exec
DELETE FROM tag_types WHERE name = @name;

-- name: TagList :many
-- Tags, of one type when it is given.
SELECT t.type, t.value, tt.color
FROM tags t
JOIN tag_types tt ON tt.name = t.type
WHERE sqlc.narg('type')::text IS NULL OR t.type = sqlc.narg('type')
ORDER BY t.type, t.value;

-- name: TagGet :one
SELECT t.type, t.value, tt.color
FROM tags t
JOIN tag_types tt ON tt.name = t.type
WHERE t.type = @type AND t.value = @value;

-- name: TagCreate :execrows
-- Inserts nothing when the tag exists.
INSERT INTO tags (type, value) VALUES (@type, @value) ON CONFLICT DO NOTHING;

-- name: TagDelete :execrows
DELETE FROM tags WHERE type = @type AND value = @value;
