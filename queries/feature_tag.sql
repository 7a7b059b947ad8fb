-- Tags of flags.

-- name: FeatureTagList :many
SELECT type, value
FROM feature_tags
WHERE feature = @feature
ORDER BY type, value
LIMIT 1000;

-- name: FeatureTagListByProject :many
SELECT t.feature, t.type, t.value
FROM feature_tags t
JOIN features f ON f.name = t.feature
WHERE f.project = @project
    AND f.archived_at IS NULL
ORDER BY t.feature, t.type, t.value
LIMIT @max;

-- name: FeatureTagTypeExists :one
SELECT EXISTS (
    SELECT
    FROM tag_types
    WHERE name = @name
);

-- A value that nobody used before comes into being with its first flag.
-- name: FeatureTagValueEnsure :exec
INSERT INTO tags (type, value)
VALUES (@type, @value)
ON CONFLICT DO NOTHING;

-- name: FeatureTagInsert :execrows
INSERT INTO feature_tags (feature, type, value)
VALUES (@feature, @type, @value)
ON CONFLICT DO NOTHING;

-- name: FeatureTagDelete :execrows
DELETE FROM feature_tags
WHERE feature = @feature
    AND type = @type
    AND value = @value;
