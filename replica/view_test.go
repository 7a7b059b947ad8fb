package replica

import (
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestAViewIsAllEnvironmentsAtOnePointOfTheLog(t *testing.T) {
	t.Parallel()
	store := NewStore(slog.New(slog.DiscardHandler))
	require.Nil(t, store.View())
	require.Nil(t, store.View().State("a"))
	require.Zero(t, store.View().Cursor())
	require.Zero(t, store.View().At())
	_, known := store.View().RowsAfter(Cursor{}, 10)
	require.False(t, known)

	written := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	store.Reset(Snapshot{
		Log:          []Row{{Revision: 1, Mark: 11, At: written}, {Revision: 3, Mark: 13, At: written.Add(time.Second)}},
		Environments: map[string][]Feature{"a": nil, "b": nil},
	})
	first := store.View()
	require.Equal(t, written.Add(time.Second), first.At())
	store.Apply(Delta{Rows: []Row{{Revision: 4, Mark: 14}, {Revision: 6, Mark: 14, At: written.Add(time.Minute)}}})
	second := store.View()
	require.Equal(t, Cursor{3, 13}, first.Cursor(), "a view does not move")
	require.Equal(t, Cursor{6, 14}, second.Cursor())
	require.Equal(t, written.Add(time.Minute), second.At())
	for _, environment := range []string{"a", "b"} {
		require.Equal(t, second.Cursor(), second.State(environment).Cursor())
	}

	rows, known := second.RowsAfter(Cursor{1, 11}, 10)
	require.True(t, known)
	require.Equal(t, []Cursor{{3, 13}, {4, 14}, {6, 14}}, rows)
	rows, known = second.RowsAfter(Cursor{1, 11}, 2)
	require.True(t, known)
	require.Equal(t, []Cursor{{4, 14}, {6, 14}}, rows, "the newest of too many")
	rows, known = second.RowsAfter(Cursor{6, 14}, 10)
	require.True(t, known)
	require.Empty(t, rows)
	for _, other := range []Cursor{{1, 12}, {2, 11}, {7, 14}, {}} {
		_, known = second.RowsAfter(other, 10)
		require.False(t, known, "%v", other)
	}
}
