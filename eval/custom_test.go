package eval

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCustomStrategies(t *testing.T) {
	t.Parallel()
	custom := Strategies{
		"tenant": func(parameters map[string]string) Rule {
			wanted := parameters["tenant"]
			if wanted == "" {
				return nil
			}
			return func(ctx *Context) bool { return ctx.Properties["tenant"] == wanted }
		},
		"default": func(map[string]string) Rule { return nil },
	}
	flag := func(name, strategy, tenant string) Feature {
		return Feature{Name: name, Enabled: true, Strategies: []Strategy{{
			Name: strategy, Parameters: map[string]string{"tenant": tenant},
			Constraints: []Constraint{{ContextName: "userId", Operator: "IN", Values: []string{"7"}}},
		}}}
	}
	snapshot := custom.Compile([]Feature{flag("acme", "tenant", "acme"), flag("nobody", "tenant", ""), flag("unknown", "other", "acme"), flag("plain", "default", "")}, nil)
	acme := &Context{UserID: "7", Properties: map[string]string{"tenant": "acme"}}

	require.True(t, snapshot.Enabled("acme", acme))
	require.False(t, snapshot.Enabled("acme", &Context{UserID: "7"}))
	require.False(t, snapshot.Enabled("acme", &Context{UserID: "8", Properties: acme.Properties}), "constraints count as well")
	require.False(t, snapshot.Enabled("nobody", acme))
	require.False(t, snapshot.Enabled("unknown", acme))
	require.True(t, snapshot.Enabled("plain", acme), "Unleash's own strategies are not replaced")

	next := snapshot.With(Change{Features: []Feature{flag("other", "tenant", "acme")}})
	require.True(t, next.Enabled("other", acme), "later snapshots know them too")
	require.False(t, Compile([]Feature{flag("acme", "tenant", "acme")}, nil).Enabled("acme", acme))
}
