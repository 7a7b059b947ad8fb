-- What user interfaces remember of everyone.

-- name: UserFeedbackList :many
SELECT * FROM user_feedback WHERE user_id = @user_id ORDER BY feedback_id;

-- name: UserFeedbackCount :one
-- How much else is remembered of somebody.
SELECT count(*) FROM user_feedback WHERE user_id = @user_id AND feedback_id <> @feedback_id;

-- name: UserFeedbackSet :one
INSERT INTO user_feedback (user_id, feedback_id, given_at, never_show)
VALUES (@user_id, @feedback_id, sqlc.narg('given_at'), @never_show)
ON CONFLICT (user_id, feedback_id) DO UPDATE
SET given_at = excluded.given_at,
    never_show = excluded.never_show
RETURNING *;

-- name: UserSplashList :many
SELECT splash_id FROM user_splashes WHERE user_id = @user_id ORDER BY splash_id;

-- name: UserSplashCount :one
-- How much else is remembered of somebody.
SELECT count(*) FROM user_splashes WHERE user_id = @user_id AND splash_id <> @splash_id;

-- name: UserSplashSee :exec
INSERT INTO user_splashes (user_id, splash_id) VALUES (@user_id, @splash_id) ON CONFLICT DO NOTHING;
