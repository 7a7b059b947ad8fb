package edge

import (
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/token"
)

func TestBackup(t *testing.T) {
	t.Parallel()
	quiet := slog.New(slog.DiscardHandler)
	write := func(t *testing.T, f folder, name, content string) {
		t.Helper()
		require.NoError(t, os.WriteFile(filepath.Join(f.path, name), []byte(content), 0o600))
	}
	recalled := func(b *backup, secret string) *knownToken {
		tokens := newTokens(nil, quiet)
		b.recall(tokens, time.Now())
		return tokens.peek(secret)
	}

	t.Run("HoldsNoSecretAndOneFile", func(t *testing.T) {
		t.Parallel()
		f := folder{filepath.Join(t.TempDir(), "made"), quiet}
		require.NoError(t, f.prepare())
		none, err := f.load()
		require.NoError(t, err)
		require.Empty(t, none.Environments)

		tokens := newTokens(nil, quiet)
		tokens.known[token.Hash("*:development.very-secret")] = &knownToken{
			Token:  &token.Token{ID: "1", Kind: token.Client, Scope: token.NewScope("development", "a", "b")},
			secret: "*:development.very-secret", confirmedAt: time.Now(),
		}
		b := &backup{Environments: map[string]json.RawMessage{"development": json.RawMessage(features(flag("a", true)))}}
		tokens.each(func(sum hash, known *knownToken) { b.Tokens = append(b.Tokens, saved(sum, known)) })
		require.NoError(t, f.save(b))
		require.NoError(t, f.save(b))
		content, err := os.ReadFile(filepath.Join(f.path, backupName))
		require.NoError(t, err)
		require.NotContains(t, string(content), "very-secret")
		info, err := os.Stat(filepath.Join(f.path, backupName))
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
		entries, err := os.ReadDir(f.path)
		require.NoError(t, err)
		require.Len(t, entries, 1, "nothing temporary is left behind")

		loaded, err := f.load()
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
		f := folder{t.TempDir(), quiet}
		write(t, f, importedFeatures, `[["development",`+features(flag("a", true))+`]]`)
		write(t, f, importedTokens, `[{"token":"*:development.x","type":"client","environment":"development","projects":["*"],"status":"Validated"},`+
			`{"token":"*:development.y","type":"client","environment":"development","projects":["*"],"status":"Invalid"}]`)
		b, err := f.load()
		require.NoError(t, err)
		require.Contains(t, string(b.Environments["development"]), `"a"`)
		require.NotNil(t, recalled(b, "*:development.x"))
		require.Nil(t, recalled(b, "*:development.y"))
		write(t, f, importedFeatures, `{"not":"pairs"}`)
		_, err = f.load()
		require.ErrorContains(t, err, importedFeatures)
	})

	t.Run("RefusesWhatItDoesNotUnderstand", func(t *testing.T) {
		t.Parallel()
		f := folder{t.TempDir(), quiet}
		write(t, f, backupName, `{"version":2}`)
		_, err := f.load()
		require.ErrorContains(t, err, "newer")
		write(t, f, backupName, `{"version":`)
		_, err = f.load()
		require.ErrorContains(t, err, backupName)
		require.Error(t, folder{"/dev/null/x", quiet}.prepare())
	})
}
