package push

import (
	"encoding/json"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/pennonhq/pennon/eval"
	"github.com/pennonhq/pennon/evaluation"
	"github.com/pennonhq/pennon/replica"
	"github.com/pennonhq/pennon/sse"
	"github.com/pennonhq/pennon/token"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const environment = "production"

// wire is an encoder that sends flags that are on.
type wire struct{}

func (wire) Hash(set *evaluation.Set) uint64 { return set.Hash(false) }

func (wire) Opening(set *evaluation.Set, id string) *sse.Message {
	return sse.NewMessage("all", id, set.AppendEnabled(nil))
}

func (wire) Update(_ *evaluation.Set, diff evaluation.Diff, id string) *sse.Message {
	if !diff.Visible() {
		return nil
	}
	return sse.NewMessage("some", id, diff.AppendUpdate(nil))
}

// world is a Store that is changed step by step, and topics of it.
type world struct {
	store    *replica.Store
	topics   *topics
	revision int64
}

func newWorld(names ...string) *world {
	w := &world{store: replica.NewStore(slog.New(slog.DiscardHandler)), revision: 1}
	w.topics = newTopics(evaluation.New(w.store), sse.New(sse.Config{}))
	w.store.OnChange(func(environments []string) { w.topics.changed(w.store.ChangedAt(), environments) })
	var features []replica.Feature
	for _, name := range names {
		features = append(features, feature(name, true))
	}
	w.store.Reset(replica.Snapshot{
		Log:          []replica.Row{{Revision: 1, Mark: 1, Kind: replica.KindSetting, Entity: "x"}},
		Environments: map[string][]replica.Feature{environment: features},
	})
	return w
}

// feature is on for user 1 and, if open, for everybody.
func feature(name string, open bool) replica.Feature {
	strategy := eval.Strategy{Name: "default"}
	if !open {
		strategy.Constraints = []eval.Constraint{{ContextName: "userId", Operator: "IN", Values: []string{"1"}}}
	}
	return replica.Feature{Feature: eval.Feature{Name: name, Project: "p", Enabled: true, Strategies: []eval.Strategy{strategy}}}
}

func (w *world) put(f replica.Feature) {
	w.revision++
	w.store.Apply(replica.Delta{
		Rows:     []replica.Row{{Revision: w.revision, Mark: uint32(w.revision), Kind: replica.KindFeature, Entity: f.Name}},
		Features: []replica.FeatureChange{{Environment: environment, Name: f.Name, Feature: &f, Revision: w.revision}},
	})
}

func streamOf(user string) Stream {
	return Stream{
		Kind: token.Frontend, Encoder: wire{}, Context: &eval.Context{UserID: user},
		Request: evaluation.Request{Scope: token.NewScope(environment, token.All)},
	}
}

// follower is a client without a connection.
type follower struct {
	topic  *topic
	cursor sse.Cursor
	id     string
	held   map[string]string
	got    int // messages
}

func follow(t *testing.T, w *world, s Stream) *follower {
	t.Helper()
	f := &follower{topic: w.topics.acquire(s)}
	message, cursor, known := f.topic.open()
	require.True(t, known)
	f.cursor = cursor
	f.take(t, message)
	return f
}

// catchUp is what a Hub does for a stream.
func (f *follower) catchUp(t *testing.T) {
	t.Helper()
	message, next, err := f.topic.Since(f.cursor)
	require.NoError(t, err)
	f.cursor = next
	f.take(t, message)
}

func (f *follower) take(t *testing.T, message *sse.Message) {
	t.Helper()
	if message == nil {
		return
	}
	f.got++
	f.id = message.ID()
	if message.Event() == "" {
		return
	}
	var body struct {
		Toggles, Updated []json.RawMessage
		Removed          []string
	}
	require.NoError(t, json.Unmarshal(message.Payload(), &body))
	if message.Event() == "all" {
		f.held = map[string]string{}
	}
	for _, name := range body.Removed {
		require.Contains(t, f.held, name)
		delete(f.held, name)
	}
	for _, toggle := range append(body.Toggles, body.Updated...) {
		var named struct{ Name string }
		require.NoError(t, json.Unmarshal(toggle, &named))
		f.held[named.Name] = string(toggle)
	}
}

// requireFresh compares what the follower holds with a fresh evaluation.
func (f *follower) requireFresh(t *testing.T, w *world) {
	t.Helper()
	set, known := w.topics.flags.Evaluate(f.topic.Request, f.topic.Context)
	require.True(t, known)
	fresh := &follower{}
	fresh.take(t, wire{}.Opening(set, ""))
	require.Equal(t, fresh.held, f.held)
}

func soon(d time.Duration) string { return time.Now().Add(d).UTC().Format(time.RFC3339Nano) }

// lost is a state without the environment.
func lost() replica.Snapshot {
	return replica.Snapshot{
		Log:          []replica.Row{{Revision: 1000, Mark: 1, Kind: replica.KindResync, Entity: "x"}},
		Environments: map[string][]replica.Feature{"other": nil},
	}
}
