-- name: FeatureTypeList :many
SELECT * FROM feature_types ORDER BY id;

-- name: FeatureTypeLock :one
SELECT * FROM feature_types WHERE id = @id FOR UPDATE;

-- name: FeatureTypeLifetimeUpdate :one
UPDATE feature_types SET lifetime_days = sqlc.narg('lifetime_days') WHERE id = @id RETURNING *;
