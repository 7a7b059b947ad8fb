package evaluation_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/eval"
	"github.com/pennonhq/pennon/evaluation"
	"github.com/pennonhq/pennon/replica"
	"github.com/pennonhq/pennon/token"
)

// chance draws flags, segments and contexts from few names, so that they meet often.
type chance struct{ *rand.Rand }

func pick[T any](c chance, from ...T) T { return from[c.IntN(len(from))] }

func (c chance) constraint() eval.Constraint {
	at := time.Now().Add(time.Duration(c.IntN(4000)-1000) * time.Millisecond).UTC().Format("2006-01-02T15:04:05.000Z")
	number := strconv.Itoa(c.IntN(4))
	return pick(c,
		eval.Constraint{ContextName: "userId", Operator: pick(c, "IN", "NOT_IN"), Values: []string{number, "secret-value"}},
		eval.Constraint{ContextName: "plan", Operator: "STR_STARTS_WITH", Values: []string{pick(c, "a", "b")}, Inverted: c.IntN(2) == 0},
		eval.Constraint{ContextName: "score", Operator: "NUM_GT", Value: &number},
		eval.Constraint{ContextName: "currentTime", Operator: pick(c, "DATE_AFTER", "DATE_BEFORE"), Value: &at, Inverted: c.IntN(4) == 0},
	)
}

func (c chance) variants() []eval.Variant {
	var variants []eval.Variant
	for i := range c.IntN(3) {
		v := eval.Variant{Name: fmt.Sprintf("v%d", i), Weight: 500, Stickiness: "default"}
		if c.IntN(2) == 0 {
			v.Payload = &eval.Payload{Type: "string", Value: fmt.Sprint("payload \"", c.IntN(3))}
		}
		variants = append(variants, v)
	}
	return variants
}

func (c chance) feature(name string) replica.Feature {
	f := replica.Feature{Feature: eval.Feature{
		Name: name, Project: pick(c, "mine", "theirs"), Enabled: c.IntN(8) > 0, Variants: c.variants(), ImpressionData: c.IntN(4) == 0,
	}}
	for range 1 + c.IntN(2) {
		s := eval.Strategy{Name: "flexibleRollout", Variants: c.variants(), Parameters: map[string]string{
			"rollout": pick(c, "50", "100"), "stickiness": pick(c, "userId", "sessionId"), "groupId": name,
		}}
		for range c.IntN(2) {
			s.Constraints = append(s.Constraints, c.constraint())
		}
		if c.IntN(3) == 0 {
			s.Segments = []int{1 + c.IntN(3)}
		}
		f.Strategies = append(f.Strategies, s)
	}
	if c.IntN(4) == 0 {
		f.Dependencies = []eval.Dependency{{Feature: c.name()}}
	}
	if c.IntN(2) == 0 {
		f.Tags = []replica.Tag{{Type: "simple", Value: pick(c, "x", "y")}}
	}
	return f
}

func (c chance) name() string { return fmt.Sprintf("%s.flag-%d", pick(c, "a", "b"), c.IntN(6)) }

func (c chance) segment() eval.Segment {
	return eval.Segment{ID: 1 + c.IntN(3), Name: "secret-segment", Constraints: []eval.Constraint{c.constraint()}}
}

func (c chance) context() *eval.Context {
	return &eval.Context{UserID: strconv.Itoa(c.IntN(4)), SessionID: strconv.Itoa(c.IntN(4)), Properties: map[string]string{
		"plan": pick(c, "abc", "bcd"), "score": strconv.Itoa(c.IntN(5)),
	}}
}

func (c chance) request() evaluation.Request {
	r := evaluation.Request{Scope: pick(c, all.Scope, token.NewScope(environment, "mine"))}
	switch c.IntN(4) {
	case 0:
		r.NamePrefix = "a."
	case 1:
		r.Tags = []replica.Tag{{Type: "simple", Value: "x"}}
	case 2:
		r.Names = []string{c.name(), c.name(), c.name()}
	}
	return r
}

// change makes one random change. It reports false if it was one that no answer can notice.
func (c chance) change(w *world) {
	switch c.IntN(6) {
	case 0:
		w.remove(c.name())
	case 1:
		w.putSegment(c.segment())
	case 2:
		w.store.Apply(replica.Delta{Rows: w.row(replica.KindToken, "t")}) // nothing to do with flags
	default:
		w.put(c.feature(c.name()))
	}
}

// client is one that applies what it is sent.
type client struct {
	request evaluation.Request
	context *eval.Context
	set     *evaluation.Set
	toggles map[string]string
}

func (c *client) hydrate(t *testing.T) {
	t.Helper()
	var body struct{ Toggles []json.RawMessage }
	require.NoError(t, json.Unmarshal(c.set.AppendEnabled(nil), &body))
	c.toggles = map[string]string{}
	for _, toggle := range body.Toggles {
		c.apply(t, toggle)
	}
}

func (c *client) apply(t *testing.T, toggle json.RawMessage) {
	t.Helper()
	var named struct{ Name string }
	require.NoError(t, json.Unmarshal(toggle, &named))
	c.toggles[named.Name] = string(toggle)
}

func (c *client) update(t *testing.T, diff evaluation.Diff) {
	t.Helper()
	var body struct {
		Updated []json.RawMessage
		Removed []string
	}
	require.NoError(t, json.Unmarshal(diff.AppendUpdate(nil), &body))
	for _, name := range body.Removed {
		require.Contains(t, c.toggles, name, "only what the client has is removed")
		delete(c.toggles, name)
	}
	for _, toggle := range body.Updated {
		c.apply(t, toggle)
	}
}

// TestClientsThatApplyDifferencesHoldAFreshEvaluation is the promise of pushing: through random worlds, contexts, changes
// and the passing of time, hydration and updates make what a fresh evaluation gives, byte for byte; and what does not
// change is not sent.
func TestClientsThatApplyDifferencesHoldAFreshEvaluation(t *testing.T) {
	t.Parallel()
	for seed := range uint64(20) {
		synctest.Test(t, func(t *testing.T) {
			c := chance{rand.New(rand.NewPCG(seed, 1))}
			var features []replica.Feature
			for _, name := range []string{"a.flag-0", "a.flag-1", "a.flag-2", "b.flag-0", "b.flag-3"} {
				features = append(features, c.feature(name))
			}
			w := newWorld(features, eval.Segment{ID: 1, Name: "secret-segment", Constraints: []eval.Constraint{c.constraint()}})
			e := evaluation.New(w.store)
			var clients []*client
			for range 8 {
				k := &client{request: c.request(), context: c.context()}
				k.set = evaluate(t, e, k.request, k.context)
				k.hydrate(t)
				clients = append(clients, k)
			}
			pending := make([]evaluation.Diff, len(clients))
			for range 60 {
				if c.IntN(3) == 0 {
					<-time.After(time.Duration(c.IntN(500)) * time.Millisecond)
				} else {
					c.change(w)
				}
				for i, k := range clients {
					if c.IntN(4) == 0 {
						continue // behind: the next difference spans several states
					}
					follow(t, e, k, &pending[i], c.IntN(2) == 0)
				}
			}
		})
	}
}

// follow brings a client up to date, now or with the next difference.
func follow(t *testing.T, e *evaluation.Evaluator, k *client, pending *evaluation.Diff, deliver bool) {
	t.Helper()
	before := k.set
	next, diff, known := e.Advance(k.request, k.context, before)
	require.True(t, known)
	fresh := evaluate(t, e, k.request, k.context)
	require.Equal(t, string(fresh.AppendAll(nil)), string(next.AppendAll(nil)))
	require.Equal(t, fresh.ETag(false), next.ETag(false))
	require.Equal(t, fresh.ETag(true), next.ETag(true))
	require.Equal(t, fresh.Next(), next.Next())
	require.Equal(t, before.Hash(true) != next.Hash(true), diff.Len() > 0)
	require.Equal(t, before.Hash(false) != next.Hash(false), diff.Visible())
	k.set = next
	*pending = pending.Then(diff)
	if !deliver {
		return
	}
	k.update(t, *pending)
	*pending = evaluation.Diff{}
	held := k.toggles
	k.hydrate(t)
	require.Equal(t, k.toggles, held)
}

func TestDifferencesThatCancelOutAreNone(t *testing.T) {
	t.Parallel()
	w := newWorld([]replica.Feature{flag("a", "p"), flag("b", "p")})
	e := evaluation.New(w.store)
	first := evaluate(t, e, all, nil)
	off := flag("a", "p")
	off.Enabled = false
	w.put(off)
	second, there, _ := e.Advance(all, nil, first)
	w.put(flag("a", "p"))
	third, back, _ := e.Advance(all, nil, second)
	require.Equal(t, 1, there.Len())
	require.Equal(t, 1, back.Len())
	require.Zero(t, there.Then(back).Len())
	require.Equal(t, first.Hash(true), third.Hash(true))
	require.Equal(t, []string{"a"}, slices.Collect(there.Names))
	requireText(t, `{"updated":[],"removed":["a"]}`, there.AppendUpdate(nil))
}

func TestChangesElsewhereCostNothing(t *testing.T) {
	t.Parallel()
	w := newWorld([]replica.Feature{flag("a", "p")})
	e := evaluation.New(w.store)
	set := evaluate(t, e, all, nil)
	w.store.Apply(replica.Delta{Rows: w.row(replica.KindFeature, "x"), Features: []replica.FeatureChange{
		{Environment: "other", Name: "x", Feature: &replica.Feature{Feature: eval.Feature{Name: "x"}}, Revision: w.revision},
	}})
	next, diff, known := e.Advance(all, nil, set)
	require.True(t, known)
	require.Same(t, set, next)
	require.Zero(t, diff.Len())
}

func TestDateConstraintsTellWhenToLookAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		at := time.Now().Add(time.Hour)
		text := at.UTC().Format(time.RFC3339Nano)
		dated := constrained(eval.Constraint{ContextName: "currentTime", Operator: "DATE_AFTER", Value: &text})
		inSegment := eval.Strategy{Name: "default", Segments: []int{1}}
		child := flag("child", "p")
		child.Dependencies = []eval.Dependency{{Feature: "dated"}}
		until := eval.Segment{ID: 1, Constraints: []eval.Constraint{{ContextName: "currentTime", Operator: "DATE_BEFORE", Value: &text}}}
		w := newWorld([]replica.Feature{flag("dated", "p", dated), flag("until", "p", inSegment), child}, until)
		e := evaluation.New(w.store)
		set := evaluate(t, e, all, nil)
		require.Equal(t, at.UnixMilli(), set.Next().UnixMilli())
		<-time.After(time.Hour)
		set, diff, _ := e.Advance(all, nil, set)
		requireText(t, `{"updated":[],"removed":["until"]}`, diff.AppendUpdate(nil))
		require.Equal(t, at.UnixMilli()+1, set.Next().UnixMilli())
		<-time.After(time.Until(set.Next()))
		set, diff, _ = e.Advance(all, nil, set)
		require.Equal(t, []string{"child", "dated"}, slices.Collect(diff.Names))
		require.True(t, set.Next().IsZero())

		fixed := &eval.Context{CurrentTime: at}
		require.True(t, evaluate(t, e, all, fixed).Next().IsZero())
	})
}
