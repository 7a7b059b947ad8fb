package suite

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestRecords(t *testing.T) {
	t.Parallel()

	t.Run("KeepsAFigureByRound", func(t *testing.T) {
		t.Parallel()
		r := newRecords(2)
		r.Put("a/pennon/cpu", 3)
		r.round = 1
		r.Put("a/pennon/cpu", 5)
		measured := r.Measured("a/pennon/cpu")
		require.NoError(t, measured.Err)
		require.Equal(t, []float64{3, 5}, measured.Figure.Taken())
	})
	t.Run("FailsAFigureWhenItsSystemFailedInAnyRound", func(t *testing.T) {
		t.Parallel()
		r := newRecords(2)
		r.Put("a/pennon/cpu", 3)
		r.round = 1
		r.Fail("a/pennon", errors.New("connection refused"))
		require.ErrorContains(t, r.Measured("a/pennon/cpu").Err, "round 2: connection refused")
		require.NoError(t, r.Measured("a/peer/cpu").Err)
	})
	t.Run("SavesEverythingAsJSON", func(t *testing.T) {
		t.Parallel()
		r := newRecords(1)
		r.Put("a/pennon/cpu", 3)
		path := filepath.Join(t.TempDir(), "rounds.json")
		require.NoError(t, r.Save(path))
		saved, err := os.ReadFile(path)
		require.NoError(t, err)
		var back Records
		require.NoError(t, json.Unmarshal(saved, &back))
		require.InDelta(t, 3, back.Figures["a/pennon/cpu"][0], 0)
	})
}

func TestInTurnBeginsWithAnotherSystemEachRound(t *testing.T) {
	t.Parallel()
	b := &Bench{Records: newRecords(2), Config: Config{Logger: slog.New(slog.DiscardHandler)}}
	var order string
	run := func(name string) systemRun {
		return systemRun{name, func() error {
			order += name
			return nil
		}}
	}
	for b.round = range 2 {
		b.inTurn("x", run("a"), run("b"), run("c"))
	}
	require.Equal(t, "abcbca", order)
}

func TestCompareStreamsVisitsThereAndBack(t *testing.T) {
	t.Parallel()
	b := &Bench{Records: newRecords(2), Config: Config{Logger: slog.New(slog.DiscardHandler)}}
	var order string
	bursts := 0
	visit := func(name string) visitor {
		return func(_ context.Context, s streams, r *streamResult) error {
			order += name
			bursts += s.burst
			r.connect = append(r.connect, 1)
			return nil
		}
	}
	for b.round = range 2 {
		b.compareStreams(t.Context(), "x", streams{}, 200, visit("c"), visit("p"))
	}
	require.Equal(t, "cppcpccp", order)
	require.Equal(t, 400, bursts)
}

func TestRunRefusesAnUnknownArea(t *testing.T) {
	t.Parallel()
	_, _, err := Run(t.Context(), Config{Only: []string{"nothing"}})
	require.ErrorContains(t, err, `no area "nothing"`)
}
