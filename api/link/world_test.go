package link_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/eval"
	"github.com/pennonhq/pennon/replica"
	"github.com/pennonhq/pennon/token"
)

// folded is what the receiver of events holds of one scope.
type folded struct {
	environment string
	projects    []string
	flags       map[string]string // JSON by name
	segments    map[int]string    // JSON by ID
}

func newFolded() *folded { return &folded{flags: map[string]string{}, segments: map[int]string{}} }

func (f *folded) clone() *folded {
	return &folded{f.environment, f.projects, maps.Clone(f.flags), maps.Clone(f.segments)}
}

// apply folds a JSON array of events in.
func (f *folded) apply(t *testing.T, data json.RawMessage) {
	t.Helper()
	var events []struct {
		Type        string
		Features    []json.RawMessage
		Segments    []json.RawMessage
		Feature     json.RawMessage
		Segment     json.RawMessage
		FeatureName string
		SegmentID   int `json:"segmentId"`
	}
	require.NoError(t, json.Unmarshal(data, &events), string(data))
	for _, e := range events {
		switch e.Type {
		case "hydration":
			clear(f.flags)
			clear(f.segments)
			for _, feature := range e.Features {
				f.flags[nameOf(t, feature)] = string(feature)
			}
			for _, segment := range e.Segments {
				f.segments[idOf(t, segment)] = string(segment)
			}
		case "feature-updated":
			f.flags[nameOf(t, e.Feature)] = string(e.Feature)
		case "feature-left": // says nothing of what this scope sees
			require.NotEmpty(t, e.FeatureName)
		case "feature-removed":
			delete(f.flags, e.FeatureName)
		case "segment-updated":
			f.segments[idOf(t, e.Segment)] = string(e.Segment)
		case "segment-removed":
			delete(f.segments, e.SegmentID)
		default:
			require.Fail(t, "unknown event", e.Type)
		}
	}
}

func nameOf(t *testing.T, feature json.RawMessage) string {
	t.Helper()
	var named struct{ Name string }
	require.NoError(t, json.Unmarshal(feature, &named))
	return named.Name
}

func idOf(t *testing.T, segment json.RawMessage) int {
	t.Helper()
	var numbered struct{ ID int }
	require.NoError(t, json.Unmarshal(segment, &numbered))
	return numbered.ID
}

// truth is what a reader of the view has to hold of a scope; nil if there is no such environment.
func truth(t *testing.T, view *replica.View, scope token.Scope) *folded {
	t.Helper()
	state := view.State(scope.Environment)
	if state == nil {
		return nil
	}
	var body struct{ Events json.RawMessage }
	require.NoError(t, json.Unmarshal(state.Hydration(replica.Query{Scope: scope}).JSON, &body))
	f := newFolded()
	f.apply(t, body.Events)
	return f
}

// world is a Store and what its Source would tell it: flags in projects and environments, and segments.
type world struct {
	store *replica.Store

	mu           sync.Mutex // held while it changes
	revision     int64
	environments []string
	projects     map[string]string // of flags
	versions     map[string]int    // of flags
	segments     map[int]int       // versions
	uses         map[string][]int  // segments of flags
	padding      string            // of large flags
	log          []replica.Row
	views        map[string]*replica.View // by cursor
}

func newWorld() *world {
	w := &world{
		store: replica.NewStore(slog.New(slog.DiscardHandler)), environments: []string{"development", "production"},
		projects: map[string]string{}, versions: map[string]int{}, segments: map[int]int{1: 1, 2: 1, 3: 1},
		uses: map[string][]int{}, views: map[string]*replica.View{},
	}
	for i := range 5 {
		w.projects[fmt.Sprintf("flag%d", i)] = fmt.Sprintf("p%d", i%3)
	}
	return w
}

// row adds a row to the log.
func (w *world) row(kind replica.Kind, entity, project string) replica.Row {
	w.revision += 1 + rand.Int64N(3)
	r := replica.Row{
		Revision: w.revision, Mark: rand.Uint32() | 1, Kind: kind, Entity: entity, Project: project,
		At: time.Now().UTC().Truncate(time.Millisecond),
	}
	w.log = append(w.log, r)
	return r
}

func (w *world) feature(name string) *replica.Feature {
	project, exists := w.projects[name]
	if !exists {
		return nil
	}
	description := fmt.Sprint("version ", w.versions[name])
	if strings.HasPrefix(name, "large") {
		description = w.padding
	}
	return &replica.Feature{Feature: eval.Feature{
		Name: name, Project: project, Description: &description, Enabled: true,
		Strategies: []eval.Strategy{{Name: "default", Segments: w.uses[name]}},
	}}
}

func (w *world) segment(id int) *eval.Segment {
	version, exists := w.segments[id]
	if !exists {
		return nil
	}
	return &eval.Segment{ID: id, Name: fmt.Sprint("segment ", version)}
}

// snapshot is everything there is.
func (w *world) snapshot() replica.Snapshot {
	s := replica.Snapshot{Log: slices.Clone(w.log), Environments: map[string][]replica.Feature{}}
	for _, environment := range w.environments {
		s.Environments[environment] = nil
		for name := range w.projects {
			s.Environments[environment] = append(s.Environments[environment], *w.feature(name))
		}
	}
	for id := range w.segments {
		s.Segments = append(s.Segments, *w.segment(id))
	}
	return s
}

// reset loads the store, as at a start, with one more row in the log.
func (w *world) reset() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.row(replica.KindSetting, "x", "")
	w.store.Reset(w.snapshot())
	w.remember()
}

func (w *world) remember() { w.views[w.store.Cursor().String()] = w.store.View() }

// view is what the store held at the cursor, or nil.
func (w *world) view(cursor string) *replica.View {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.views[cursor]
}

// apply tells the store of what the named flags and segments are now, by these rows.
func (w *world) apply(rows []replica.Row, flags []string, segments []int) {
	d := replica.Delta{Rows: rows}
	head := rows[len(rows)-1].Revision
	for _, name := range flags {
		for _, environment := range w.environments {
			d.Features = append(d.Features, replica.FeatureChange{Environment: environment, Name: name, Feature: w.feature(name), Revision: head})
		}
	}
	for _, id := range segments {
		d.Segments = append(d.Segments, replica.SegmentChange{ID: id, Segment: w.segment(id), Revision: head})
	}
	w.store.Apply(d)
	w.remember()
}

// put changes a flag, or makes it.
func (w *world) put(name, project string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.projects[name] = project
	w.versions[name]++
	w.apply([]replica.Row{w.row(replica.KindFeature, name, project)}, []string{name}, nil)
}

// silent writes a row that changes no flag.
func (w *world) silent() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.apply([]replica.Row{w.row(replica.KindToken, "7", "")}, nil, nil)
}

// step changes something at random, in up to three transactions that the store sees at once.
func (w *world) step() {
	w.mu.Lock()
	defer w.mu.Unlock()
	var rows []replica.Row
	flags, segments := map[string]bool{}, map[int]bool{}
	for range 1 + rand.IntN(3)*rand.IntN(2) {
		name := fmt.Sprintf("flag%d", rand.IntN(12))
		project, exists := w.projects[name]
		to := fmt.Sprintf("p%d", rand.IntN(3))
		switch kind := rand.IntN(10); {
		case kind < 5: // change, make or move
			if kind > 0 && exists {
				to = project
			}
			w.projects[name] = to
			w.versions[name]++
			w.uses[name] = slices.DeleteFunc([]int{1, 2, 3}, func(int) bool { return rand.IntN(2) == 0 })
			if exists && to != project {
				rows = append(rows, w.row(replica.KindFeature, name, project))
			}
			rows = append(rows, w.row(replica.KindFeature, name, to))
			flags[name] = true
		case kind < 7 && exists:
			delete(w.projects, name)
			rows = append(rows, w.row(replica.KindFeature, name, project))
			flags[name] = true
		case kind < 9:
			id := 1 + rand.IntN(3)
			w.segments[id]++
			rows = append(rows, w.row(replica.KindSegment, fmt.Sprint(id), ""))
			segments[id] = true
		default:
			rows = append(rows, w.row(replica.KindSetting, "x", ""))
		}
	}
	w.apply(rows, slices.Collect(maps.Keys(flags)), slices.Collect(maps.Keys(segments)))
}

// environment makes or deletes an environment.
func (w *world) environment(name string, exists bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.environments = slices.DeleteFunc(w.environments, func(e string) bool { return e == name })
	d := replica.Delta{Rows: []replica.Row{w.row(replica.KindEnvironment, name, "")}}
	if exists {
		w.environments = append(w.environments, name)
		d.EnvironmentsCreated = map[string][]replica.Feature{name: w.snapshot().Environments[name]}
	} else {
		d.EnvironmentsDeleted = []string{name}
	}
	w.store.Apply(d)
	w.remember()
}
