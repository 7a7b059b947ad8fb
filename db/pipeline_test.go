package db_test

import (
	"errors"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/db"
	"github.com/pennonhq/pennon/db/dbtest"
	"github.com/pennonhq/pennon/fault"
	"github.com/pennonhq/pennon/queries"
)

func TestTransactionsThatSaveRoundTrips(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	const insert = "INSERT INTO tag_types (name) VALUES ($1)"
	count := func(t *testing.T, like string) (n int) {
		t.Helper()
		require.NoError(t, d.Pool.QueryRow(t.Context(), "SELECT count(*) FROM tag_types WHERE name LIKE $1", like).Scan(&n))
		return n
	}
	later := func(t *testing.T, tx pgx.Tx, name string) {
		t.Helper()
		_, err := queries.Later(tx).Exec(t.Context(), insert, name)
		require.NoError(t, err)
	}

	t.Run("WhatIsWrittenLaterIsThereForTheNextStatementAndAfterwards", func(t *testing.T) {
		t.Parallel()
		require.NoError(t, db.InTx(t.Context(), d.Pool, func(tx pgx.Tx) error {
			later(t, tx, "seen-1")
			later(t, tx, "seen-2")
			var n int
			require.NoError(t, tx.QueryRow(t.Context(), "SELECT count(*) FROM tag_types WHERE name LIKE 'seen-%'").Scan(&n))
			require.Equal(t, 2, n)
			later(t, tx, "seen-3")
			return nil
		}))
		require.Equal(t, 3, count(t, "seen-%"))
	})

	t.Run("WhatFailsLaterFailsTheCommitAndUndoesEverything", func(t *testing.T) {
		t.Parallel()
		err := db.InTx(t.Context(), d.Pool, func(tx pgx.Tx) error {
			_, err := tx.Exec(t.Context(), insert, "twice-0")
			require.NoError(t, err)
			later(t, tx, "twice-1")
			later(t, tx, "twice-1")
			return nil
		})
		require.True(t, fault.Is(err, fault.NameTaken), "%v", err)
		require.Zero(t, count(t, "twice-%"))
	})

	t.Run("WhatFailsLaterFailsTheNextStatement", func(t *testing.T) {
		t.Parallel()
		err := db.InTx(t.Context(), d.Pool, func(tx pgx.Tx) error {
			later(t, tx, "next-1")
			later(t, tx, "next-1")
			_, err := tx.Query(t.Context(), "SELECT 1")
			require.Error(t, err)
			return err
		})
		require.True(t, fault.Is(err, fault.NameTaken), "%v", err)
		require.Zero(t, count(t, "next-%"))
	})

	t.Run("ASavepointUndoesWhatCameSince", func(t *testing.T) {
		t.Parallel()
		require.NoError(t, db.InTx(t.Context(), d.Pool, func(tx pgx.Tx) error {
			later(t, tx, "kept-1")
			trial, err := tx.Begin(t.Context())
			require.NoError(t, err)
			later(t, trial, "kept-2")
			require.NoError(t, trial.Rollback(t.Context()))
			return nil
		}))
		require.Equal(t, 1, count(t, "kept-%"))
	})

	t.Run("RowsErrorsAndOptionsAreAsOnAnyTransaction", func(t *testing.T) {
		t.Parallel()
		require.NoError(t, db.InTx(t.Context(), d.Pool, func(tx pgx.Tx) error {
			rows, err := tx.Query(t.Context(), "SELECT generate_series(1, $1::int)", 3) // BEGIN goes with it
			require.NoError(t, err)
			numbers, err := pgx.CollectRows(rows, pgx.RowTo[int])
			require.NoError(t, err)
			require.Equal(t, []int{1, 2, 3}, numbers)
			later(t, tx, "row-1")
			require.ErrorIs(t, tx.QueryRow(t.Context(), "SELECT name FROM tag_types WHERE name = $1", "none").Scan(new(string)), pgx.ErrNoRows)
			later(t, tx, "row-2")
			var n int
			require.NoError(t, tx.QueryRow(t.Context(), "SELECT count(*) FROM tag_types WHERE name LIKE $1", pgx.QueryExecModeExec, "row-%").Scan(&n))
			require.Equal(t, 2, n)
			return nil
		}))
	})

	t.Run("AFailureLeavesTheConnectionClean", func(t *testing.T) {
		t.Parallel()
		own := dbtest.New(t) // so that the next transaction gets the same connection
		failure := errors.New("refused")
		require.ErrorIs(t, db.InTx(t.Context(), own.Pool, func(tx pgx.Tx) error {
			_, err := tx.Exec(t.Context(), "SELECT 1")
			require.NoError(t, err)
			later(t, tx, "never")
			return failure
		}), failure)
		require.ErrorIs(t, db.InTx(t.Context(), own.Pool, func(pgx.Tx) error { return failure }), failure)
		var n int
		require.NoError(t, db.InTx(t.Context(), own.Pool, func(tx pgx.Tx) error {
			return tx.QueryRow(t.Context(), "SELECT count(*) FROM tag_types WHERE name = 'never'").Scan(&n)
		}))
		require.Zero(t, n)
		require.NoError(t, db.InTx(t.Context(), own.Pool, func(pgx.Tx) error { return nil }), "nothing is sent at all")
	})
}
