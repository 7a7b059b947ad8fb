-- Messages for everybody who has the user interface open.

-- name: BannerList :many
SELECT * FROM banners ORDER BY id DESC;

-- name: BannerCount :one
SELECT count(*) FROM banners;

-- name: BannerGet :one
SELECT * FROM banners WHERE id = @id;

-- name: BannerLock :one
-- Keeps others from changing the banner until the transaction ends.
SELECT * FROM banners WHERE id = @id FOR UPDATE;

-- name: BannerCreate :one
INSERT INTO banners (enabled, message, variant, sticky, icon, link, link_text, dialog_title, dialog)
VALUES (
    @enabled, @message, @variant, @sticky, sqlc.narg('icon'), sqlc.narg('link'), sqlc.narg('link_text'), sqlc.narg('dialog_title'),
    sqlc.narg('dialog')
)
RETURNING *;

-- name: BannerUpdate :one
UPDATE banners
SET enabled = @enabled,
    message = @message,
    variant = @variant,
    sticky = @sticky,
    icon = sqlc.narg('icon'),
    link = sqlc.narg('link'),
    link_text = sqlc.narg('link_text'),
    dialog_title = sqlc.narg('dialog_title'),
    dialog = sqlc.narg('dialog')
WHERE id = @id
RETURNING *;

-- name: BannerDelete :exec
DELETE FROM banners WHERE id = @id;
