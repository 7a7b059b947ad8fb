package eval_test

import (
	"cmp"
	"os"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/eval"
)

// with gives a snapshot with one feature, "feature", that has one strategy.
func with(strategy eval.Strategy) *eval.Snapshot {
	return eval.Compile([]eval.Feature{{Name: "feature", Enabled: true, Strategies: []eval.Strategy{strategy}}}, nil)
}

func TestStrategies(t *testing.T) {
	t.Parallel()
	user := &eval.Context{UserID: "u1", SessionID: "s1", RemoteAddress: "10.0.0.7", Hostname: "Web-1"}
	for _, test := range []struct {
		name      string
		strategy  string
		parameter string
		value     string
		ctx       *eval.Context
		want      bool
	}{
		{"default", "default", "", "", nil, true},
		{"unknown", "moonPhase", "", "", user, false},
		{"user listed", "userWithId", "userIds", "u0 ,  u1", user, true},
		{"user not listed", "userWithId", "userIds", "u11,u", user, false},
		{"no user, empty item", "userWithId", "userIds", "a,,b", nil, false},
		{"no list", "userWithId", "other", "u1", user, false},
		{"address listed", "remoteAddress", "IPs", "10.0.0.8, 10.0.0.7", user, true},
		{"address in range", "remoteAddress", "IPs", "1.2.3.4, 10.0.0.0/8", user, true},
		{"address outside", "remoteAddress", "IPs", "10.0.1.0/24", user, false},
		{"IPv6 address as text", "remoteAddress", "IPs", "2001:db8::1", &eval.Context{RemoteAddress: "2001:db8::1"}, true},
		{"address absent", "remoteAddress", "IPs", "0.0.0.0/0,", nil, false},
		{"address is a name", "remoteAddress", "IPs", "localhost", &eval.Context{RemoteAddress: "localhost"}, true},
		{"host listed", "applicationHostname", "hostNames", "db-1, WEB-1", user, true},
		{"host not listed", "applicationHostname", "hostNames", "db-1", user, false},
		{"no hosts", "applicationHostname", "", "", user, false},
		{"nobody", "gradualRolloutUserId", "percentage", "0", user, false},
		{"everybody", "gradualRolloutUserId", "percentage", "100", user, true},
		{"everybody with a user", "gradualRolloutUserId", "percentage", "100", nil, false},
		{"everybody with a session", "gradualRolloutSessionId", "percentage", "100", user, true},
		{"no session", "gradualRolloutSessionId", "percentage", "100", nil, false},
		{"no number", "gradualRolloutSessionId", "percentage", "many", user, false},
		{"by chance, all", "gradualRolloutRandom", "percentage", "100", nil, true},
		{"by chance, none", "gradualRolloutRandom", "percentage", "0", nil, false},
		{"flexible all", "flexibleRollout", "rollout", "100", nil, true},
		{"flexible none", "flexibleRollout", "rollout", "0", user, false},
		{"flexible without percentage", "flexibleRollout", "other", "", user, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			snapshot := with(eval.Strategy{Name: test.strategy, Parameters: map[string]string{test.parameter: test.value}})
			require.Equal(t, test.want, snapshot.Enabled("feature", test.ctx))
		})
	}
}

func TestApplicationHostnameIsTheProcessesByDefault(t *testing.T) {
	t.Parallel()
	host, err := os.Hostname()
	require.NoError(t, err)
	host = cmp.Or(os.Getenv("HOSTNAME"), host)
	snapshot := with(eval.Strategy{Name: "applicationHostname", Parameters: map[string]string{"hostNames": host}})
	require.True(t, snapshot.Enabled("feature", nil))
	require.False(t, snapshot.Enabled("feature", &eval.Context{Hostname: "another"}))
}

func TestFlexibleRolloutStickiness(t *testing.T) {
	t.Parallel()
	rollout := func(sticky string) *eval.Snapshot {
		return with(eval.Strategy{Name: "flexibleRollout", Parameters: map[string]string{
			"rollout": "50", "stickiness": sticky, "groupId": "g",
		}})
	}
	draws := func(n uint32) *eval.Context {
		return &eval.Context{Random: func(string, uint32) uint32 { return n }}
	}
	t.Run("DefaultDrawsWithoutAnId", func(t *testing.T) {
		t.Parallel()
		require.True(t, rollout("default").Enabled("feature", draws(49)))
		require.False(t, rollout("default").Enabled("feature", draws(50)))
	})
	t.Run("EveryFeatureDrawsForItself", func(t *testing.T) {
		t.Parallel()
		half := []eval.Strategy{{Name: "flexibleRollout", Parameters: map[string]string{"rollout": "50", "stickiness": "random"}}}
		snapshot := eval.Compile([]eval.Feature{
			{Name: "parent", Enabled: true, Strategies: half},
			{Name: "child", Enabled: true, Strategies: half, Dependencies: []eval.Dependency{{Feature: "parent"}}},
		}, nil)
		for name, want := range map[string]bool{"parent": true, "child": false} {
			ctx := &eval.Context{Random: func(feature string, _ uint32) uint32 {
				return map[string]uint32{"parent": 49, "child": 50}[feature]
			}}
			require.Equal(t, want, snapshot.Enabled(name, ctx), name)
			explanation, _ := snapshot.Explainer().Explain(name, ctx)
			require.Equal(t, want, explanation.Enabled, name)
			require.True(t, explanation.DependenciesSatisfied())
		}
	})
	t.Run("RandomDrawsEvenWithAnId", func(t *testing.T) {
		t.Parallel()
		ctx := draws(49)
		for i := range 20 {
			ctx.UserID = strconv.Itoa(i)
			require.True(t, rollout("random").Enabled("feature", ctx))
		}
	})
	t.Run("DefaultPrefersTheUserToTheSession", func(t *testing.T) {
		t.Parallel()
		for i := range 50 {
			id := strconv.Itoa(i)
			user := rollout("default").Enabled("feature", &eval.Context{UserID: id, SessionID: "other"})
			session := rollout("default").Enabled("feature", &eval.Context{SessionID: id})
			property := rollout("tenant").Enabled("feature", &eval.Context{Properties: map[string]string{"tenant": id}})
			require.Equal(t, user, session)
			require.Equal(t, user, property)
		}
	})
	t.Run("AbsentFieldIsOff", func(t *testing.T) {
		t.Parallel()
		require.False(t, rollout("tenant").Enabled("feature", draws(0)))
	})
}

func TestRandomRolloutIsAboutItsPercentage(t *testing.T) {
	t.Parallel()
	snapshot := with(eval.Strategy{Name: "gradualRolloutRandom", Parameters: map[string]string{"percentage": "25"}})
	on := 0
	for range 20_000 {
		if snapshot.Enabled("feature", nil) {
			on++
		}
	}
	require.InDelta(t, 5000, on, 500) // eight standard deviations
}

func TestDisabledStrategiesAreSkipped(t *testing.T) {
	t.Parallel()
	feature := eval.Feature{Name: "feature", Enabled: true, Strategies: []eval.Strategy{{Name: "default", Disabled: true}}}
	require.False(t, eval.Compile([]eval.Feature{feature}, nil).Enabled("feature", nil), "only a disabled strategy")
	feature.Strategies = append(feature.Strategies, eval.Strategy{Name: "default"})
	require.True(t, eval.Compile([]eval.Feature{feature}, nil).Enabled("feature", nil), "another one applies")
	feature.Strategies = nil
	require.True(t, eval.Compile([]eval.Feature{feature}, nil).Enabled("feature", nil), "no strategy means everyone")
}
