package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestDatabaseOptions(t *testing.T) {
	t.Parallel()
	secret := filepath.Join(t.TempDir(), "secret")
	require.NoError(t, os.WriteFile(secret, []byte("from-file\n"), 0o600))

	for name, test := range map[string]struct {
		options      databaseOptions
		pool, direct string
	}{
		"NothingIsConfigured":       {databaseOptions{}, "", ""},
		"DirectDefaultsToThePool":   {databaseOptions{URL: "postgres://a"}, "postgres://a", "postgres://a"},
		"PoolDefaultsToDirect":      {databaseOptions{DirectURL: "postgres://b"}, "postgres://b", "postgres://b"},
		"BothAreKeptApart":          {databaseOptions{URL: "postgres://a", DirectURL: "postgres://b"}, "postgres://a", "postgres://b"},
		"URLsComeFromFiles":         {databaseOptions{URLFile: secret}, "from-file", "from-file"},
		"AURLWinsOverParts":         {databaseOptions{URL: "postgres://a", Host: "h", Port: 1}, "postgres://a", "postgres://a"},
		"PartsMakeAURL":             {databaseOptions{Host: "db", Port: 5432, Name: "unleash", User: "app", Password: "p@ss/word"}, "postgres://app:p%40ss%2Fword@db:5432/unleash", "postgres://app:p%40ss%2Fword@db:5432/unleash"},
		"ThePasswordComesFromAFile": {databaseOptions{Host: "db", Port: 5432, Name: "u", User: "app", PasswordFile: secret}, "postgres://app:from-file@db:5432/u", "postgres://app:from-file@db:5432/u"},
		"SSLIsUnleashs":             {databaseOptions{Host: "db", Port: 5432, Name: "u", SSL: `{"rejectUnauthorized":false}`}, "postgres://db:5432/u?sslmode=require", "postgres://db:5432/u?sslmode=require"},
		"TheSchemaIsASearchPath":    {databaseOptions{Host: "db", Port: 5432, Name: "u", Schema: "flags"}, "postgres://db:5432/u?search_path=flags", "postgres://db:5432/u?search_path=flags"},
		"IPv6HostsGetTheirBrackets": {databaseOptions{Host: "::1", Port: 5432, Name: "u"}, "postgres://[::1]:5432/u", "postgres://[::1]:5432/u"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pool, direct, err := test.options.urls()
			require.NoError(t, err)
			require.Equal(t, test.pool, pool)
			require.Equal(t, test.direct, direct)
		})
	}

	t.Run("SaysWhichSecretFileIsMissing", func(t *testing.T) {
		t.Parallel()
		_, _, err := databaseOptions{URLFile: secret + ".gone"}.urls()
		require.ErrorContains(t, err, "secret.gone")
	})

	t.Run("RefusesSSLItDoesNotUnderstand", func(t *testing.T) {
		t.Parallel()
		_, _, err := databaseOptions{Host: "db", SSL: "yes please"}.urls()
		require.ErrorContains(t, err, "DATABASE_SSL")
	})
}

func TestSSLMode(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"": "", "false": "disable", "true": "verify-full",
		`{"rejectUnauthorized":false}`: "require", `{"rejectUnauthorized":true}`: "verify-full", `{"ca":"x"}`: "verify-full",
	} {
		got, err := sslMode(text)
		require.NoError(t, err)
		require.Equal(t, want, got, "%q", text)
	}
}
