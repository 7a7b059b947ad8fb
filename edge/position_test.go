package edge

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/replica"
	"github.com/pennonhq/pennon/token"
)

func TestPosition(t *testing.T) {
	t.Parallel()
	all := func(hash) bool { return true }
	none := func(hash) bool { return false }

	t.Run("IsUnknownToBackupsOfTheFirstVersion", func(t *testing.T) {
		t.Parallel()
		b, err := decodeBackup([]byte(`{"version":1,"savedAt":"2026-01-02T03:04:05Z","environments":{"production":` + features(flag("a", true)) + `},"tokens":[]}`))
		require.NoError(t, err)
		p, err := b.position(all, true)
		require.NoError(t, err)
		require.Empty(t, p.cursor)
		require.Empty(t, p.snapshot.Environments)
		require.Equal(t, 2026, p.savedAt.Year())
	})

	t.Run("LeavesOutWhatMayNotBeFollowed", func(t *testing.T) {
		t.Parallel()
		s := twoEnvironments(t)
		r := startReplica(t, s, nil, secretDevelopment, secretOne, secretTwo)
		defer r.stop()
		eventually(t, func() bool { return r.caughtUp(s) })
		content, err := gather(&backup{}, r.store, r.Upstream, newTokens(nil, r.config.Logger)).encode()
		require.NoError(t, err)
		require.NotContains(t, string(content), ".secret")
		b, err := decodeBackup(content)
		require.NoError(t, err)
		require.Len(t, b.Scopes, 3)

		strict, err := b.position(all, false)
		require.NoError(t, err)
		require.Len(t, strict.snapshot.Environments, 2)
		require.Equal(t, s.store.Cursor().String(), strict.cursor)
		require.True(t, strict.scopes[token.Hash(secretOne)].Held)
		dynamic, err := b.position(none, true)
		require.NoError(t, err)
		require.Len(t, dynamic.snapshot.Environments, 1, "of two tokens one may not come back")
		require.Contains(t, dynamic.snapshot.Environments, "development")
		other, err := b.position(none, false)
		require.NoError(t, err)
		require.Empty(t, other.snapshot.Environments)

		b.Scopes[0].Hash = "?"
		_, err = b.position(all, false)
		require.ErrorIs(t, err, errBrokenBackup)
	})

	t.Run("KeepsRowsOfTheLogAsTheyAre", func(t *testing.T) {
		t.Parallel()
		row := savedRow{Revision: 7, Mark: 0xaabbccdd, Kind: replica.KindFeature, Entity: "a", Project: "one", Environment: "production"}
		text, err := json.Marshal(row)
		require.NoError(t, err)
		require.JSONEq(t, `[7,"aabbccdd","feature","a","one","production"]`, string(text))
		var read savedRow
		require.NoError(t, json.Unmarshal(text, &read))
		require.Equal(t, row, read)
		require.Error(t, json.Unmarshal([]byte(`[7,"x"]`), &read))
		require.Error(t, json.Unmarshal([]byte(`{}`), &read))
	})
}
