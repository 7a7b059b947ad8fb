package edge

import (
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/edge/storage"
	"github.com/pennonhq/pennon/token"
)

func TestBackup(t *testing.T) {
	t.Parallel()
	quiet := slog.New(slog.DiscardHandler)
	const own = "pennon-edge.json"
	in := func(path string) *keeper {
		folder, err := storage.OpenFolder(path)("")
		require.NoError(t, err)
		return &keeper{storage: folder, logger: quiet}
	}
	write := func(t *testing.T, folder, name, content string) {
		t.Helper()
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), []byte(content), 0o600))
	}
	recalled := func(b *backup, secret string) *knownToken {
		tokens := newTokens(nil, quiet)
		b.recall(tokens, time.Now())
		return tokens.peek(secret)
	}

	t.Run("HoldsNoSecretAndOneFile", func(t *testing.T) {
		t.Parallel()
		folder := filepath.Join(t.TempDir(), "made")
		k := in(folder)
		require.NoError(t, k.storage.Prepare(t.Context()))
		none, err := k.read(t.Context())
		require.NoError(t, err)
		require.Empty(t, none.Environments)

		tokens := newTokens(nil, quiet)
		tokens.known[token.Hash("*:development.very-secret")] = &knownToken{
			Token:  &token.Token{ID: "1", Kind: token.Client, Scope: token.NewScope("development", "a", "b")},
			secret: "*:development.very-secret", confirmedAt: time.Now(),
		}
		b := &backup{Environments: map[string]json.RawMessage{"development": json.RawMessage(features(flag("a", true)))}}
		tokens.each(func(sum hash, known *knownToken) { b.Tokens = append(b.Tokens, saved(sum, known)) })
		for range 2 {
			encoded, err := b.encode()
			require.NoError(t, err)
			require.NoError(t, k.storage.Save(t.Context(), ownBackup(backupVersion), encoded))
		}
		content, err := os.ReadFile(filepath.Join(folder, own))
		require.NoError(t, err)
		require.NotContains(t, string(content), "very-secret")
		info, err := os.Stat(filepath.Join(folder, own))
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
		entries, err := os.ReadDir(folder)
		require.NoError(t, err)
		require.Len(t, entries, 1, "nothing temporary is left behind")

		loaded, err := k.read(t.Context())
		require.NoError(t, err)
		require.JSONEq(t, features(flag("a", true)), string(loaded.Environments["development"]))
		known := recalled(loaded, "*:development.very-secret")
		require.NotNil(t, known)
		require.Equal(t, []string{"a", "b"}, known.Scope.Projects())
		require.Equal(t, tokenID("*:development.very-secret"), known.ID)

		loaded.Tokens[0].ConfirmedAt = time.Now().Add(-maxEarlier - time.Hour)
		require.Nil(t, recalled(loaded, "*:development.very-secret"), "what was not confirmed for long is forgotten")
	})

	t.Run("TakesOverUnleashEdges", func(t *testing.T) {
		t.Parallel()
		folder := t.TempDir()
		k := in(folder)
		write(t, folder, "unleash_features.json", `[["development",`+features(flag("a", true))+`]]`)
		write(t, folder, "unleash_tokens.json", `[{"token":"*:development.x","type":"client","environment":"development","projects":["*"],"status":"Validated"},`+
			`{"token":"*:development.y","type":"client","environment":"development","projects":["*"],"status":"Invalid"}]`)
		b, err := k.read(t.Context())
		require.NoError(t, err)
		require.Contains(t, string(b.Environments["development"]), `"a"`)
		require.NotNil(t, recalled(b, "*:development.x"))
		require.Nil(t, recalled(b, "*:development.y"))
		write(t, folder, "unleash_features.json", `{"not":"pairs"}`)
		_, err = k.read(t.Context())
		require.ErrorContains(t, err, "unleash_features.json")
		require.ErrorIs(t, err, errBrokenBackup)
	})

	t.Run("RefusesWhatItDoesNotUnderstand", func(t *testing.T) {
		t.Parallel()
		folder := t.TempDir()
		k := in(folder)
		write(t, folder, own, `{"version":3}`)
		_, err := k.read(t.Context())
		require.ErrorContains(t, err, "newer")
		write(t, folder, own, `{"version":`)
		_, err = k.read(t.Context())
		require.ErrorContains(t, err, own)
		require.Error(t, in("/dev/null/x").storage.Prepare(t.Context()))
	})
}
