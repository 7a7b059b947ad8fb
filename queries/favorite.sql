-- Favourites of users.

-- name: FeatureFavoriteInsert :execrows
INSERT INTO feature_favorites (user_id, feature)
VALUES (@user_id, @feature)
ON CONFLICT DO NOTHING;

-- name: FeatureFavoriteDelete :execrows
DELETE FROM feature_favorites
WHERE user_id = @user_id
    AND feature = @feature;

-- name: FeatureFavoriteExists :one
SELECT EXISTS (
    SELECT
    FROM feature_favorites
    WHERE user_id = @user_id
        AND feature = @feature
);

-- name: FeatureFavoriteList :many
SELECT v.feature
FROM feature_favorites v
JOIN features f ON f.name = v.feature
WHERE v.user_id = @user_id
    AND (sqlc.narg(project)::text IS NULL OR f.project = sqlc.narg(project))
ORDER BY v.feature
LIMIT @max;

-- name: ProjectFavoriteInsert :execrows
INSERT INTO project_favorites (user_id, project)
VALUES (@user_id, @project)
ON CONFLICT DO NOTHING;

-- name: ProjectFavoriteDelete :execrows
DELETE FROM project_favorites
WHERE user_id = @user_id
    AND project = @project;

-- name: ProjectFavoriteList :many
SELECT project
FROM project_favorites
WHERE user_id = @user_id
ORDER BY project
LIMIT 10000;
