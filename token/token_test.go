package token

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestScope(t *testing.T) {
	t.Parallel()

	t.Run("SeesItsProjectsOnly", func(t *testing.T) {
		t.Parallel()
		scope := NewScope("production", "b", "a", "b")
		require.Equal(t, []string{"a", "b"}, scope.Projects())
		require.True(t, scope.Sees("a"))
		require.False(t, scope.Sees("c"))
		require.False(t, scope.AllProjects())
	})

	t.Run("AnyStarMeansAll", func(t *testing.T) {
		t.Parallel()
		scope := NewScope("production", "a", All)
		require.True(t, scope.AllProjects())
		require.True(t, scope.Sees("anything"))
		require.Equal(t, NewScope("production", All).Key(), scope.Key())
	})

	t.Run("NoProjectsSeeNothing", func(t *testing.T) {
		t.Parallel()
		require.False(t, NewScope("production").Sees("a"))
		require.False(t, Scope{}.Sees(""))
	})

	t.Run("KeysDifferWhereScopesDo", func(t *testing.T) {
		t.Parallel()
		keys := map[string]bool{}
		for _, scope := range []Scope{
			NewScope("a"), NewScope("a", "b"), NewScope("b", "a"), NewScope("a", "b", "c"), NewScope("a", "bc"), NewScope("ab", "c"), NewScope("a", All),
		} {
			require.False(t, keys[scope.Key()], "%v", scope)
			keys[scope.Key()] = true
		}
		require.Equal(t, NewScope("a", "b", "c").Key(), NewScope("a", "c", "b").Key())
	})
}

func TestNew(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		kind  Kind
		scope Scope
		form  string
	}{
		"OneProject":      {Client, NewScope("development", "default"), `^default:development\.[0-9a-f]{56}$`},
		"SeveralProjects": {Frontend, NewScope("development", "a", "b"), `^\[\]:development\.[0-9a-f]{56}$`},
		"AllProjects":     {Client, NewScope("development", All), `^\*:development\.[0-9a-f]{56}$`},
		"Admin":           {Admin, Scope{}, `^\*:\*\.[0-9a-f]{56}$`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			secret := New(test.kind, test.scope)
			require.Regexp(t, test.form, secret)
			require.NotEqual(t, secret, New(test.kind, test.scope))
			parts, ok := Parse(secret)
			require.True(t, ok)
			if test.kind != Admin {
				require.Equal(t, test.scope.Environment, parts.Environment)
			}
		})
	}
}

func TestParseRefusesOtherForms(t *testing.T) {
	t.Parallel()
	for _, secret := range []string{"", "legacy-key", "user:abc", "a:b", "a:b.", ":b.c", "a:.c"} {
		_, ok := Parse(secret)
		require.False(t, ok, "%q", secret)
	}
}

func TestRedactNeverShowsTheWholeSecret(t *testing.T) {
	t.Parallel()
	for secret, want := range map[string]string{
		"default:development.0123456789abcdef": "default:development.0123…",
		"user:0123456789abcdef":                "user:0123…",
		"short":                                "…",
		"*:*.tiny":                             "*:*.…",
	} {
		require.Equal(t, want, Redact(secret))
	}
}

func TestFromHeader(t *testing.T) {
	t.Parallel()
	for header, want := range map[string]string{
		"a:b.c":           "a:b.c",
		"Bearer a:b.c":    "a:b.c",
		"bearer   a:b.c ": "a:b.c",
		"BEARER\ta:b.c":   "a:b.c",
		"Bearer":          "Bearer",
		"":                "",
	} {
		require.Equal(t, want, FromHeader(header), "%q", header)
	}
}

func TestExpired(t *testing.T) {
	t.Parallel()
	now := time.Now()
	require.False(t, (&Token{}).Expired(now))
	require.False(t, (&Token{ExpiresAt: now.Add(time.Second)}).Expired(now))
	require.True(t, (&Token{ExpiresAt: now}).Expired(now))
}
