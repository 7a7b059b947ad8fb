package db_test

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/db"
	"github.com/pennonhq/pennon/eval"
	"github.com/pennonhq/pennon/replica"
)

// patience bounds every wait of these tests. It is only ever used up by a failure.
const patience = 30 * time.Second

// sink is a replica.Sink that keeps the state as a plain map and checks what every Source promises.
type sink struct {
	t testing.TB

	mu        sync.Mutex
	changed   chan struct{} // closed at the next change
	revision  int64
	resets    []replica.Snapshot
	deltas    []replica.Delta
	features  map[string]map[string]replica.Feature
	segments  map[int]eval.Segment
	onReset   func(replica.Snapshot)
	onApply   func(replica.Delta)
	failure   string
	forgetful bool // keeps no deltas: for long runs
}

func newSink(t testing.TB) *sink {
	t.Helper()
	return &sink{t: t, changed: make(chan struct{})}
}

func (s *sink) Reset(snapshot replica.Snapshot) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.resets = append(s.resets, snapshot)
	s.features, s.segments = map[string]map[string]replica.Feature{}, map[int]eval.Segment{}
	for environment, features := range snapshot.Environments {
		s.setEnvironment(environment, features)
	}
	for _, segment := range snapshot.Segments {
		s.segments[segment.ID] = segment
	}
	if len(snapshot.Log) > 0 {
		s.revision = snapshot.Log[len(snapshot.Log)-1].Revision
	}
	if s.onReset != nil {
		s.onReset(snapshot)
	}
	s.wake()
}

func (s *sink) Apply(delta replica.Delta) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, row := range delta.Rows {
		if row.Revision <= s.revision {
			s.failure = fmt.Sprintf("revision %d after %d", row.Revision, s.revision)
		}
		s.revision = row.Revision
	}
	for _, name := range delta.EnvironmentsDeleted {
		delete(s.features, name)
	}
	for name, features := range delta.EnvironmentsCreated {
		s.setEnvironment(name, features)
	}
	for _, change := range delta.Features {
		if s.features[change.Environment] == nil {
			s.failure = "change in unknown environment " + change.Environment
		} else if change.Feature == nil {
			delete(s.features[change.Environment], change.Name)
		} else {
			s.features[change.Environment][change.Name] = *change.Feature
		}
	}
	for _, change := range delta.Segments {
		if change.Segment == nil {
			delete(s.segments, change.ID)
		} else {
			s.segments[change.ID] = *change.Segment
		}
	}
	if !s.forgetful {
		s.deltas = append(s.deltas, delta)
	}
	if s.onApply != nil {
		s.onApply(delta)
	}
	s.wake()
}

func (s *sink) setEnvironment(name string, features []replica.Feature) {
	s.features[name] = map[string]replica.Feature{}
	for _, feature := range features {
		s.features[name][feature.Name] = feature
	}
}

func (s *sink) wake() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// await waits until done holds for the sink, which is locked meanwhile.
func (s *sink) await(what string, done func() bool) {
	s.t.Helper()
	deadline := time.After(patience)
	for {
		s.mu.Lock()
		ok, changed, failure := done(), s.changed, s.failure
		s.mu.Unlock()
		require.Empty(s.t, failure)
		if ok {
			return
		}
		select {
		case <-changed:
		case <-deadline:
			require.FailNow(s.t, "waited in vain until "+what)
		}
	}
}

// awaitRevision waits until everything committed in d so far has arrived.
func (s *sink) awaitRevision(revision int64) {
	s.t.Helper()
	s.await(fmt.Sprintf("revision %d has arrived", revision), func() bool { return s.revision >= revision })
}

// state is everything the sink holds as one comparable, readable value.
func (s *sink) state() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return stateText(s.features, s.segments)
}

func stateText(features map[string]map[string]replica.Feature, segments map[int]eval.Segment) string {
	environments := map[string][]replica.Feature{}
	for environment, byName := range features {
		environments[environment] = slices.SortedFunc(maps.Values(byName), func(a, b replica.Feature) int { return cmp.Compare(a.Name, b.Name) })
	}
	text, err := json.MarshalIndent(map[string]any{"environments": environments, "segments": segments}, "", " ")
	if err != nil {
		panic(err)
	}
	return string(text)
}

// follow runs a ChangeLog on url until the end of the test, and waits for its first Reset.
func follow(t testing.TB, changeLog *db.ChangeLog, s *sink) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- changeLog.Run(ctx, s) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-ended)
	})
	s.await("the first Reset", func() bool { return len(s.resets) > 0 })
}

// truth is what a fresh reader sees.
func truth(t testing.TB, url string) string {
	t.Helper()
	s := newSink(t)
	changeLog := db.NewChangeLog(nil, db.ChangeLogConfig{URL: url, Logger: quiet()})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- changeLog.Run(ctx, s) }()
	s.await("the first Reset", func() bool { return len(s.resets) > 0 })
	cancel()
	require.NoError(t, <-ended)
	return s.state()
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }
