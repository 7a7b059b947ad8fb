package expression

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/eval"
)

var discard = slog.New(slog.DiscardHandler)

func TestExpressions(t *testing.T) {
	t.Parallel()
	acme := &eval.Context{
		UserID: "u7", AppName: "shop", RemoteAddress: "10.0.0.1", Environment: "prod",
		CurrentTime: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC), Properties: map[string]string{"tenant": "acme", "age": "42"},
	}
	for expression, want := range map[string]bool{
		`context.userId == parameters.user`:                                         true,
		`context.properties.tenant in split(parameters.tenants, ",")`:               true,
		`any(split(parameters.tenants, ","), trim(#) == context.properties.tenant)`: true,
		`context.userId startsWith "u" && context.appName matches "^sh"`:            true,
		`int(context.properties.age) >= 18`:                                         true,
		`int(context.properties.height) > 2`:                                        false, // fails
		`context.properties.missing == ""`:                                          true,  // absent text is empty
		`("missing" in context.properties) || context.currentTime < "2027"`:         true,
		`len(1..1000000) > 0`:                                                       false, // beyond the budget
		`all(1..9000, all(1..9000, true))`:                                          false, // likewise
		`false`:                                                                     false,
	} {
		t.Run(expression, func(t *testing.T) {
			t.Parallel()
			strategies, err := Compile([]Strategy{{Name: "custom", Expression: expression}}, discard)
			require.NoError(t, err)
			flag := eval.Feature{Name: "flag", Enabled: true, Strategies: []eval.Strategy{{
				Name: "custom", Parameters: map[string]string{"user": "u7", "tenants": "umbrella,acme"},
			}}}
			require.Equal(t, want, strategies.Compile([]eval.Feature{flag}, nil).Enabled("flag", acme))
		})
	}
}

func TestLoad(t *testing.T) {
	t.Parallel()
	load := func(t *testing.T, text string) (eval.Strategies, error) {
		t.Helper()
		path := filepath.Join(t.TempDir(), "strategies.yaml")
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		return Load(path, discard)
	}
	for name, text := range map[string]string{
		"YAML": "- name: tenant\n  expression: context.properties.tenant == parameters.tenant\n",
		"JSON": `[{"name": "tenant", "expression": "context.properties.tenant == parameters.tenant"}]`,
	} {
		t.Run("Reads"+name, func(t *testing.T) {
			t.Parallel()
			strategies, err := load(t, text)
			require.NoError(t, err)
			require.Contains(t, strategies, "tenant")
		})
	}
	for text, message := range map[string]string{
		`[{"name": "x"}]`: "no expression",
		`[{"name": "x", "expression": "context.userID == \"\""}]`:                        "userID",
		`[{"name": "x", "expression": "context.userId"}]`:                                "expected bool",
		`[{"name": "x", "expression": "now() > now()"}]`:                                 "now",
		`[{"name": "default", "expression": "true"}]`:                                    "built-in",
		`[{"name": "x", "expression": "true"}, {"name": "x", "expression": "true"}]`:     "two custom strategies",
		`[{"name": "x", "expression": "true", "parameters": []}]`:                        "parameters",
		`[{"expression": "true"}]`:                                                       "no name",
		`{"name": "x"}`:                                                                  "cannot unmarshal",
		`[{"name": "x", "expression": "true` + strings.Repeat(" && true", 1000) + `" }]`: "",
	} {
		_, err := load(t, text)
		require.ErrorContains(t, err, message)
	}
	_, err := Load(filepath.Join(t.TempDir(), "absent"), discard)
	require.ErrorIs(t, err, os.ErrNotExist)
}

func TestAFailureIsToldOnce(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	strategies, err := Compile([]Strategy{{Name: "bad", Expression: `int(context.userId) > 1`}}, slog.New(slog.NewTextHandler(&log, nil)))
	require.NoError(t, err)
	rule := strategies["bad"](nil)
	require.False(t, rule(&eval.Context{UserID: "x"}))
	require.False(t, rule(&eval.Context{UserID: "y"}))
	require.True(t, rule(&eval.Context{UserID: "2"}))
	require.Equal(t, 1, strings.Count(log.String(), "strategy=bad"))
}

func BenchmarkRule(b *testing.B) {
	strategies, err := Compile([]Strategy{{Name: "t", Expression: `context.properties.tenant in split(parameters.tenants, ",")`}}, discard)
	require.NoError(b, err)
	rule := strategies["t"](map[string]string{"tenants": "a,b,c"})
	ctx := &eval.Context{Properties: map[string]string{"tenant": "c"}}
	b.ReportAllocs()
	for b.Loop() {
		rule(ctx)
	}
}
