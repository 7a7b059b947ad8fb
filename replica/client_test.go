package replica

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// client is an SDK: it applies events by the SDKs' rules and believes what it is told.
type client struct {
	query    Query
	features map[string]string
	segments map[int]string
	cursor   Cursor
	hydrated bool
	numeric  bool // forgets marks, as Unleash Edge does

	seen map[int]bool // segments it has ever been entitled to
}

// wireEvent is one event as SDKs parse it.
type wireEvent struct {
	Type        string            `json:"type"`
	EventID     int64             `json:"eventId"`
	Features    []json.RawMessage `json:"features"`
	Segments    []json.RawMessage `json:"segments"`
	Feature     json.RawMessage   `json:"feature"`
	FeatureName string            `json:"featureName"`
	Project     string            `json:"project"`
	Segment     json.RawMessage   `json:"segment"`
	SegmentID   int               `json:"segmentId"`
}

func parseEvents(t *testing.T, payload *Payload) []wireEvent {
	t.Helper()
	var batch struct {
		Events []wireEvent `json:"events"`
	}
	require.NoError(t, json.Unmarshal(payload.JSON, &batch), string(payload.JSON))
	require.NotEmpty(t, batch.Events)
	return batch.Events
}

type wireFeature struct {
	Name       string `json:"name"`
	Project    string `json:"project"`
	Strategies []struct {
		Segments []int `json:"segments"`
	} `json:"strategies"`
}

func parseFeature(t *testing.T, raw json.RawMessage) wireFeature {
	t.Helper()
	var f wireFeature
	require.NoError(t, json.Unmarshal(raw, &f))
	return f
}

func segmentID(t *testing.T, raw json.RawMessage) int {
	t.Helper()
	var s struct {
		ID int `json:"id"`
	}
	require.NoError(t, json.Unmarshal(raw, &s))
	return s.ID
}

// sync brings the client up to date with the state, and checks all that must hold of what it is sent.
func (c *client) sync(t *testing.T, st *State) {
	t.Helper()
	var payload *Payload
	resumed := false
	if c.hydrated {
		payload, resumed = st.Since(c.query, c.cursor)
	}
	if !resumed {
		payload = st.Hydration(c.query)
		c.hydrated = true
	}
	if payload == nil {
		c.cursor = st.Cursor()
	} else {
		c.apply(t, st, payload, resumed)
		c.cursor = payload.Cursor
	}
	if c.numeric {
		c.cursor.Mark = 0
	}
}

func (c *client) apply(t *testing.T, st *State, payload *Payload, resumed bool) {
	t.Helper()
	events := parseEvents(t, payload)
	last := c.cursor.Revision
	subjects := map[any]bool{}
	once := func(subject any) {
		require.False(t, subjects[subject], "%v twice in %s", subject, payload.JSON)
		subjects[subject] = true
	}
	for _, e := range events {
		if resumed {
			require.Positive(t, e.EventID-c.cursor.Revision)
			require.GreaterOrEqual(t, e.EventID, last)
		}
		last = e.EventID
		switch e.Type {
		case "hydration":
			require.False(t, resumed)
			require.Len(t, events, 1)
			c.features, c.segments = map[string]string{}, map[int]string{}
			for _, raw := range e.Segments {
				c.takeSegment(t, raw)
			}
			for _, raw := range e.Features {
				c.takeFeature(t, st, raw)
			}
		case "feature-updated":
			once(c.takeFeature(t, st, e.Feature))
		case "feature-removed":
			once(e.FeatureName)
			require.True(t, c.query.sees(e.Project, e.FeatureName), "leak: %s", payload.JSON)
			delete(c.features, e.FeatureName)
		case "segment-updated":
			once(c.takeSegment(t, e.Segment))
		case "segment-removed":
			once(e.SegmentID)
			require.True(t, c.seen[e.SegmentID], "leak: %s", payload.JSON)
			delete(c.segments, e.SegmentID)
		default:
			t.Fatalf("unknown event %q", e.Type)
		}
	}
	require.Equal(t, payload.Cursor.Revision, last, "the last id is the cursor")
}

func (c *client) takeFeature(t *testing.T, st *State, raw json.RawMessage) string {
	t.Helper()
	f := parseFeature(t, raw)
	require.True(t, c.query.sees(f.Project, f.Name), "leak of %s", raw)
	for _, s := range f.Strategies {
		for _, id := range s.Segments {
			if exists := st.segment(id); exists != nil {
				require.Equal(t, exists.json, c.segments[id], "segment %d must come before %s", id, f.Name)
			}
		}
	}
	c.features[f.Name] = string(raw)
	return f.Name
}

func (c *client) takeSegment(t *testing.T, raw json.RawMessage) int {
	t.Helper()
	id := segmentID(t, raw)
	require.True(t, c.seen[id], "leak of segment %d", id)
	c.segments[id] = string(raw)
	return id
}

// requireEqual holds the client against the truth: what the query selects in the world.
func (c *client) requireEqual(t *testing.T, w *world, exact bool) {
	t.Helper()
	features, segments := w.selected(&c.query)
	require.Equal(t, features, c.features)
	held := c.segments
	if !exact {
		held = map[int]string{}
		for id := range segments {
			held[id] = c.segments[id]
		}
	}
	require.Equal(t, segments, held)
}

// selected is what a query has to find.
func (w *world) selected(q *Query) (features map[string]string, segments map[int]string) {
	features, segments = map[string]string{}, map[int]string{}
	for _, f := range w.features(q.Scope.Environment) {
		if !q.Scope.Sees(f.Project) || !strings.HasPrefix(f.Name, q.NamePrefix) {
			continue
		}
		if len(q.Tags) > 0 && !slices.ContainsFunc(q.Tags, func(tag Tag) bool { return slices.Contains(f.Tags, tag) }) {
			continue
		}
		features[f.Name] = string(appendFeature(nil, &f.Feature))
		for _, id := range segmentsOf(&f.Feature) {
			if s := w.segment(id); s != nil {
				segments[id] = string(appendSegment(nil, s))
			}
		}
	}
	return features, segments
}

// witness notes what the world entitles the client to see.
func (c *client) witness(w *world) {
	for _, f := range w.features(c.query.Scope.Environment) {
		if c.query.sees(f.Project, f.Name) {
			for _, id := range segmentsOf(&f.Feature) {
				c.seen[id] = true
			}
		}
	}
}
