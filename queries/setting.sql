-- name: SettingGet :one
SELECT content FROM settings WHERE name = @name;

-- name: SettingLock :one
-- Keeps others from changing the setting until the transaction ends.
SELECT content FROM settings WHERE name = @name FOR UPDATE;

-- name: SettingSet :exec
INSERT INTO settings (name, content)
VALUES (@name, @content)
ON CONFLICT (name) DO UPDATE
SET content = excluded.content,
    updated_at = now();
