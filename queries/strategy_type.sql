-- name: StrategyTypeList :many
SELECT * FROM strategy_types ORDER BY sort_order, name;

-- name: StrategyTypeGet :one
SELECT * FROM strategy_types WHERE name = @name;

-- name: StrategyTypeLock :one
SELECT * FROM strategy_types WHERE name = @name FOR UPDATE;

-- name: StrategyTypeCreate :one
INSERT INTO strategy_types (name, display_name, description, parameters)
VALUES (@name, sqlc.narg('display_name'), @description, @parameters)
RETURNING *;

-- name: StrategyTypeUpdate :one
UPDATE strategy_types
SET description = @description,
    parameters = @parameters,
    deprecated = @deprecated
WHERE name = @name
RETURNING *;

-- name: StrategyTypeDelete :exec
DELETE FROM strategy_types WHERE name = @name;

-- name: StrategyTypeUses :one
SELECT count(*) FROM feature_strategies WHERE strategy_name = @name;
