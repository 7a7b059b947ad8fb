-- Links of flags.

-- name: FeatureLinkList :many
SELECT *
FROM feature_links
WHERE feature = @feature
ORDER BY created_at, id
LIMIT 1000;

-- name: FeatureLinkGet :one
SELECT *
FROM feature_links
WHERE id = @id
    AND feature = @feature;

-- name: FeatureLinkInsert :exec
INSERT INTO feature_links (id, feature, url, title)
VALUES (@id, @feature, @url, @title);

-- name: FeatureLinkUpdate :exec
UPDATE feature_links
SET url = @url,
    title = @title
WHERE id = @id;

-- name: FeatureLinkDelete :exec
DELETE FROM feature_links
WHERE id = @id;
