package main

import (
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/control/limit"
)

func TestLimitsAreUnleashsUntilConfigured(t *testing.T) {
	t.Parallel()
	all := roles{}
	parser, err := newParser(&all, streams{}, func(int) {})
	require.NoError(t, err)

	_, err = parser.Parse([]string{"serve"})
	require.NoError(t, err)
	config, err := all.Serve.config(slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	require.Equal(t, limit.Default(), config.Limits)

	_, err = parser.Parse([]string{"serve", "--projects-limit=7", "--strategy-segments-limit=0"})
	require.NoError(t, err)
	config, err = all.Serve.config(slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	require.Equal(t, 7, config.Limits.Projects)
	require.Zero(t, config.Limits.StrategySegments)

	code, _, errs := pennon(t.Context(), "serve", "--projects-limit=0")
	require.Equal(t, 1, code)
	require.Contains(t, errs, "room for")
}
