package evaluation_test

import (
	"log/slog"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/eval"
	"github.com/pennonhq/pennon/evaluation"
	"github.com/pennonhq/pennon/replica"
	"github.com/pennonhq/pennon/token"
)

const environment = "development"

// world is a Store that is changed step by step.
type world struct {
	store    *replica.Store
	revision int64
}

func newWorld(features []replica.Feature, segments ...eval.Segment) *world {
	w := &world{store: replica.NewStore(slog.New(slog.DiscardHandler)), revision: 1}
	w.store.Reset(replica.Snapshot{
		Log:          []replica.Row{{Revision: 1, Mark: 1, Kind: replica.KindSetting, Entity: "x"}},
		Environments: map[string][]replica.Feature{environment: features, "other": nil},
		Segments:     segments,
	})
	return w
}

func (w *world) row(kind replica.Kind, entity string) []replica.Row {
	w.revision++
	return []replica.Row{{Revision: w.revision, Mark: uint32(w.revision), Kind: kind, Entity: entity}}
}

func (w *world) put(f replica.Feature) {
	rows := w.row(replica.KindFeature, f.Name)
	w.store.Apply(replica.Delta{Rows: rows, Features: []replica.FeatureChange{
		{Environment: environment, Name: f.Name, Feature: &f, Revision: w.revision},
	}})
}

func (w *world) remove(name string) {
	rows := w.row(replica.KindFeature, name)
	w.store.Apply(replica.Delta{Rows: rows, Features: []replica.FeatureChange{{Environment: environment, Name: name, Revision: w.revision}}})
}

func (w *world) putSegment(s eval.Segment) {
	rows := w.row(replica.KindSegment, "s")
	w.store.Apply(replica.Delta{Rows: rows, Segments: []replica.SegmentChange{{ID: s.ID, Segment: &s, Revision: w.revision}}})
}

func flag(name, project string, strategies ...eval.Strategy) replica.Feature {
	if len(strategies) == 0 {
		strategies = []eval.Strategy{{Name: "default"}}
	}
	return replica.Feature{Feature: eval.Feature{Name: name, Project: project, Enabled: true, Strategies: strategies}}
}

func constrained(constraint eval.Constraint) eval.Strategy {
	return eval.Strategy{Name: "default", Constraints: []eval.Constraint{constraint}}
}

var all = evaluation.Request{Scope: token.NewScope(environment, token.All)}

func names(s *evaluation.Set) (on, listed []string) {
	for toggle := range s.Toggles() {
		listed = append(listed, toggle.Name)
		if toggle.Result.Enabled {
			on = append(on, toggle.Name)
		}
	}
	return on, listed
}

func evaluate(t *testing.T, e *evaluation.Evaluator, r evaluation.Request, c *eval.Context) *evaluation.Set {
	t.Helper()
	set, known := e.Evaluate(r, c)
	require.True(t, known)
	return set
}

// requireText compares every byte, where JSON may not be written differently.
func requireText(t *testing.T, want string, got []byte) {
	t.Helper()
	require.Equal(t, want, string(got))
}

func TestAnswersAreThoseOfUnleashToTheByte(t *testing.T) {
	t.Parallel()
	f2 := flag("f2", "default")
	f2.Variants = []eval.Variant{{Name: "v1", Weight: 1000, Payload: &eval.Payload{Type: "number", Value: "abc"}}}
	no := flag("no", "default")
	no.Enabled, no.ImpressionData = false, true
	e := evaluation.New(newWorld([]replica.Feature{flag("parent1", "default"), f2, no}).store)
	set := evaluate(t, e, all, &eval.Context{UserID: "7"})
	const want = `{"name":"f2","enabled":true,"variant":{"name":"v1","payload":{"type":"number","value":"abc"},"enabled":true,` +
		`"feature_enabled":true,"featureEnabled":true},"impressionData":false}`
	const parent = `{"name":"parent1","enabled":true,"variant":{"name":"disabled","enabled":false,"feature_enabled":true,"featureEnabled":true},"impressionData":false}`
	const disabled = `{"name":"no","enabled":false,"variant":{"name":"disabled","enabled":false,"feature_enabled":false,"featureEnabled":false},"impressionData":true}`
	requireText(t, `{"toggles":[`+want+`,`+parent+`]}`, set.AppendEnabled(nil))
	requireText(t, `{"toggles":[`+want+`,`+disabled+`,`+parent+`]}`, set.AppendAll(nil))
	requireText(t, `{"toggles":[]}`, evaluate(t, e, evaluation.Request{Scope: all.Scope, Names: []string{}}, nil).AppendEnabled(nil))
}

func TestEnvironmentsThatAreNotThereAreUnknown(t *testing.T) {
	t.Parallel()
	empty := evaluation.New(replica.NewStore(slog.New(slog.DiscardHandler)))
	_, known := empty.Evaluate(all, nil)
	require.False(t, known)
	_, known = evaluation.New(newWorld(nil).store).Evaluate(evaluation.Request{Scope: token.NewScope("nowhere", token.All)}, nil)
	require.False(t, known)
}

func TestRequestsNarrowWhatIsListedAndNotWhatCounts(t *testing.T) {
	t.Parallel()
	tag := replica.Tag{Type: "simple", Value: "x"}
	child := flag("a.child", "mine")
	child.Dependencies = []eval.Dependency{{Feature: "b.parent"}}
	child.Tags = []replica.Tag{tag}
	orphan := flag("a.orphan", "mine")
	orphan.Dependencies = []eval.Dependency{{Feature: "b.off"}}
	off := flag("b.off", "theirs")
	off.Enabled = false
	w := newWorld([]replica.Feature{child, orphan, flag("b.parent", "theirs"), off, flag("c", "mine")})
	e := evaluation.New(w.store)
	mine := token.NewScope(environment, "mine")
	for name, test := range map[string]struct {
		request    evaluation.Request
		on, listed []string
	}{
		"all":      {all, []string{"a.child", "b.parent", "c"}, []string{"a.child", "a.orphan", "b.off", "b.parent", "c"}},
		"projects": {evaluation.Request{Scope: mine}, []string{"a.child", "c"}, []string{"a.child", "a.orphan", "c"}},
		"prefix":   {evaluation.Request{Scope: mine, NamePrefix: "a."}, []string{"a.child"}, []string{"a.child", "a.orphan"}},
		"tags":     {evaluation.Request{Scope: all.Scope, Tags: []replica.Tag{tag, {Type: "no", Value: "x"}}}, []string{"a.child"}, []string{"a.child"}},
		"names": {
			evaluation.Request{Scope: mine, Names: []string{"c", "b.parent", "a.orphan", "c", "nope"}},
			[]string{"c"},
			[]string{"a.orphan", "c"},
		},
		"no projects": {evaluation.Request{Scope: token.NewScope(environment)}, nil, nil},
	} {
		for range 2 {
			on, listed := names(evaluate(t, e, test.request, nil))
			require.Equal(t, test.on, on, name)
			require.Equal(t, test.listed, listed, name)
		}
	}
	child.Tags = nil
	w.put(child)
	on, _ := names(evaluate(t, e, evaluation.Request{Scope: all.Scope, Tags: []replica.Tag{tag}}, nil))
	require.Empty(t, on)
}

func TestEntityTagsFollowTheOutputAndNotTheRevision(t *testing.T) {
	t.Parallel()
	w := newWorld([]replica.Feature{flag("a", "p"), flag("b", "p")})
	e := evaluation.New(w.store)
	before := evaluate(t, e, all, nil)
	off := flag("c", "p")
	off.Enabled = false
	w.put(off)
	after := evaluate(t, e, all, nil)
	require.Equal(t, before.ETag(false), after.ETag(false))
	require.NotEqual(t, before.ETag(true), after.ETag(true))
	require.Regexp(t, `^W/"[0-9a-f]{16}"$`, after.ETag(false))
	w.put(flag("c", "p"))
	require.NotEqual(t, before.ETag(false), evaluate(t, e, all, nil).ETag(false))
	require.Equal(t, w.store.Cursor(), evaluate(t, e, all, nil).Cursor())
	require.True(t, slices.IsSorted([]string{before.Cursor().Number(), after.Cursor().Number()}))
}
