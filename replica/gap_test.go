package replica

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/eval"
	"github.com/pennonhq/pennon/token"
)

func TestWhatJoinsAtTheSameRevisionIsServedAndNotResumedOverItsPast(t *testing.T) {
	t.Parallel()
	flag := func(name, project string) Feature {
		return Feature{Feature: eval.Feature{Name: name, Project: project, Strategies: []eval.Strategy{}}}
	}
	row := func(revision int64) Row { return Row{Revision: revision, Mark: uint32(revision), Kind: KindSetting} }
	at := func(revision int64) Cursor { return Cursor{Revision: revision, Mark: uint32(revision)} }
	const environment = "production"
	one, two := Query{Scope: token.NewScope(environment, "one")}, Query{Scope: token.NewScope(environment, "two")}
	all := Query{Scope: token.NewScope(environment, token.All)}
	s := NewStore(discard)
	s.Reset(Snapshot{Log: []Row{row(1), row(2)}, Environments: map[string][]Feature{environment: {flag("a", "one")}}})
	s.Apply(Delta{Rows: []Row{row(3)}})
	before := s.State(environment).Features(FeaturesQuery{Query: all})
	woken := 0
	s.OnChange(func([]string) { woken++ })

	s.Apply(Delta{
		Features:            []FeatureChange{{Environment: environment, Name: "b", Feature: new(flag("b", "two"))}},
		Gaps:                []Gap{{Scope: two.Scope, Since: -1}},
		EnvironmentsCreated: map[string][]Feature{"other": {flag("c", "one")}},
	})
	require.Equal(t, 1, woken)
	require.Equal(t, at(3), s.Cursor(), "nobody at it has to be told")
	require.Equal(t, []string{"other", environment}, s.Environments())
	state := s.State(environment)
	require.NotEqual(t, before.ETag(), state.Features(FeaturesQuery{Query: all}).ETag(), "what was answered before does not count")
	require.True(t, state.Resumable(one.Scope, at(2)))
	require.False(t, state.Resumable(two.Scope, at(2)), "who knows what has left")
	require.False(t, state.Resumable(all.Scope, at(2)))
	require.True(t, state.Resumable(two.Scope, at(3)))
	require.False(t, s.State("other").Resumable(token.NewScope("other", token.All), at(2)))

	s.Apply(Delta{Features: []FeatureChange{{Environment: environment, Name: "a", Feature: new(flag("a", "two"))}}, Gaps: []Gap{{Scope: one.Scope, Since: -1}}})
	require.Equal(t, "one", s.State(environment).feature("a").project, "what readers have seen does not change without a row")

	s.Apply(Delta{Rows: []Row{row(4), row(5)}, Gaps: []Gap{{Scope: all.Scope, Since: 3}}})
	require.False(t, s.State(environment).Resumable(one.Scope, at(4)))
	require.True(t, s.State(environment).Resumable(one.Scope, at(2)))
	require.True(t, s.State(environment).Resumable(two.Scope, at(5)))

	s.TokenChanged("x")
	require.Equal(t, int64(6), s.TokenRevision("x"), "no cursor there is resumes")
}
