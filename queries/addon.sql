-- name: AddonList :many
SELECT * FROM addons ORDER BY id;

-- name: AddonGet :one
SELECT * FROM addons WHERE id = @id;

-- name: AddonLock :one
SELECT * FROM addons WHERE id = @id FOR UPDATE;

-- name: AddonCount :one
SELECT count(*) FROM addons;

-- name: AddonCreate :one
INSERT INTO addons (provider, description, enabled, parameters, events, projects, environments)
VALUES (@provider, sqlc.narg('description'), @enabled, @parameters, @events, @projects, @environments)
RETURNING *;

-- name: AddonUpdate :one
UPDATE addons
SET provider = @provider,
    description = sqlc.narg('description'),
    enabled = @enabled,
    parameters = @parameters,
    events = @events,
    projects = @projects,
    environments = @environments
WHERE id = @id
RETURNING *;

-- name: AddonDelete :exec
DELETE FROM addons WHERE id = @id;

-- name: AddonOutboxPending :one
-- Whether anything waits to become a job.
SELECT EXISTS (SELECT 1 FROM addon_outbox);

-- name: AddonOutboxTake :many
-- Takes the oldest rows that no other server is taking.
DELETE FROM addon_outbox
WHERE (event_id, addon_id) IN (
    SELECT o.event_id, o.addon_id
    FROM addon_outbox o
    ORDER BY o.event_id, o.addon_id
    LIMIT @max_rows
    FOR UPDATE SKIP LOCKED
)
RETURNING event_id, addon_id;

-- name: IntegrationEventAdd :exec
-- Writes nothing when the integration has been deleted meanwhile.
INSERT INTO integration_events (addon_id, event_id, state, state_details, details)
SELECT a.id, @event_id, @state, @state_details, @details
FROM addons a
WHERE a.id = @addon_id;

-- name: IntegrationEventList :many
-- The newest attempts of an integration.
SELECT sqlc.embed(i), sqlc.embed(e)
FROM integration_events i
JOIN events e ON e.id = i.event_id
WHERE i.addon_id = @addon_id
ORDER BY i.id DESC
LIMIT @max_rows OFFSET @skip_rows;

-- name: IntegrationEventPrune :execrows
-- Deletes of an integration's attempts what is older than before, and all but the newest.
DELETE FROM integration_events d
WHERE d.addon_id = @addon_id
    AND (
        d.created_at < @before
        OR d.id <= (SELECT n.id FROM integration_events n WHERE n.addon_id = @addon_id ORDER BY n.id DESC OFFSET @keep LIMIT 1)
    );
