package replica

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/eval"
	"github.com/pennonhq/pennon/token"
)

// small is a store with one environment, whose flags and segments are then changed one row at a time.
type small struct {
	t        *testing.T
	store    *Store
	revision int64
}

func newSmall(t *testing.T) *small {
	t.Helper()
	s := &small{t: t, store: NewStore(discard), revision: 10}
	s.store.Reset(Snapshot{
		Log: []Row{{Revision: 10, Mark: 10, Kind: KindSetting, Entity: "seed"}},
		Environments: map[string][]Feature{"dev": {
			*flagOf("a1", "p1", 1), *flagOf("b1", "p1"), *flagOf("a2", "p2", 2),
		}},
		Segments: []eval.Segment{{ID: 1, Name: "s1"}, {ID: 2, Name: "s2"}, {ID: 3, Name: "s3"}},
	})
	return s
}

// flagOf makes a flag with a strategy for each segment.
func flagOf(name, project string, segments ...int) *Feature {
	f := &Feature{Feature: eval.Feature{Name: name, Project: project}}
	for _, id := range segments {
		f.Strategies = append(f.Strategies, eval.Strategy{Name: "default", Segments: []int{id}})
	}
	return f
}

func (s *small) row(kind Kind, entity string) []Row {
	s.revision++
	return []Row{{Revision: s.revision, Mark: uint32(s.revision), Kind: kind, Entity: entity}}
}

func (s *small) put(f *Feature) {
	rows := s.row(KindFeature, f.Name)
	s.store.Apply(Delta{Rows: rows, Features: []FeatureChange{{Environment: "dev", Name: f.Name, Feature: f, Revision: s.revision}}})
}

func (s *small) remove(name string) {
	rows := s.row(KindFeature, name)
	s.store.Apply(Delta{Rows: rows, Features: []FeatureChange{{Environment: "dev", Name: name, Revision: s.revision}}})
}

func (s *small) segment(id int, name string) {
	rows := s.row(KindSegment, name)
	s.store.Apply(Delta{Rows: rows, Segments: []SegmentChange{{ID: id, Segment: &eval.Segment{ID: id, Name: name}, Revision: s.revision}}})
}

// since is the text of what has changed since the start, empty if nothing has.
func (s *small) since(prefix string, projects ...string) string {
	s.t.Helper()
	payload, ok := s.store.State("dev").Since(Query{Scope: token.NewScope("dev", projects...), NamePrefix: prefix}, Cursor{10, 10})
	require.True(s.t, ok)
	if payload == nil {
		return ""
	}
	require.Equal(s.t, s.store.Cursor(), payload.Cursor)
	return string(payload.JSON)
}

func featureJSON(f *Feature) string { return string(appendFeature(nil, &f.Feature)) }

func TestEventsOfAChange(t *testing.T) {
	t.Parallel()
	t.Run("an updated flag comes after its segments", func(t *testing.T) {
		t.Parallel()
		s := newSmall(t)
		f := flagOf("b1", "p1", 3, 2)
		s.put(f)
		want := `{"events":[{"type":"segment-updated","eventId":11,"segment":{"id":2,"name":"s2","constraints":[]}},` +
			`{"type":"segment-updated","eventId":11,"segment":{"id":3,"name":"s3","constraints":[]}},` +
			`{"type":"feature-updated","eventId":11,"feature":` + featureJSON(f) + `}]}`
		require.Equal(t, want, s.since("", "p1"))
		require.Equal(t, want, s.since("b", "*"))
		require.Empty(t, s.since("", "p2"))
		require.Empty(t, s.since("a", "p1"))
		require.Empty(t, s.since(""))
	})
	t.Run("the last id is the head, not the last match", func(t *testing.T) {
		t.Parallel()
		s := newSmall(t)
		f := flagOf("b1", "p1")
		f.Enabled = true
		s.put(f)
		s.put(flagOf("a2", "p2"))
		require.Equal(t, `{"events":[{"type":"feature-updated","eventId":12,"feature":`+featureJSON(f)+`}]}`, s.since("", "p1"))
	})
	t.Run("several changes of a flag are one event", func(t *testing.T) {
		t.Parallel()
		s := newSmall(t)
		for _, enabled := range []bool{true, false, true} {
			f := flagOf("b1", "p1")
			f.Enabled = enabled
			s.put(f)
		}
		f := flagOf("b1", "p1")
		f.Enabled = true
		require.Equal(t, `{"events":[{"type":"feature-updated","eventId":13,"feature":`+featureJSON(f)+`}]}`, s.since("", "*"))
	})
	t.Run("an update that changes nothing is no event", func(t *testing.T) {
		t.Parallel()
		s := newSmall(t)
		s.put(flagOf("b1", "p1"))
		s.segment(1, "s1")
		require.Empty(t, s.since("", "*"))
	})
	t.Run("a removed flag takes its segment along", func(t *testing.T) {
		t.Parallel()
		s := newSmall(t)
		s.remove("a1")
		want := `{"events":[{"type":"feature-removed","eventId":11,"featureName":"a1","project":"p1"},` +
			`{"type":"segment-removed","eventId":11,"segmentId":1}]}`
		require.Equal(t, want, s.since("", "p1"))
		require.Empty(t, s.since("", "p2"))
	})
	t.Run("a segment that others refer to stays", func(t *testing.T) {
		t.Parallel()
		s := newSmall(t)
		s.put(flagOf("a2", "p2", 1))
		s.remove("a1")
		require.Contains(t, s.since("", "p1"), `"segment-removed","eventId":12,"segmentId":1`)
		require.NotContains(t, s.since("", "*"), `"segmentId":1`)
	})
	t.Run("a segment concerns those who see a flag that refers to it", func(t *testing.T) {
		t.Parallel()
		s := newSmall(t)
		s.segment(1, "new")
		want := `{"events":[{"type":"segment-updated","eventId":11,"segment":{"id":1,"name":"new","constraints":[]}}]}`
		require.Equal(t, want, s.since("", "p1"))
		require.Equal(t, want, s.since("a", "*"))
		require.Empty(t, s.since("", "p2"))
		require.Empty(t, s.since("b", "*"))
	})
}

func TestEventsOfAMove(t *testing.T) {
	t.Parallel()
	s := newSmall(t)
	moved := flagOf("a1", "p2", 1)
	s.put(moved)
	segment := `{"type":"segment-updated","eventId":11,"segment":{"id":1,"name":"s1","constraints":[]}}`
	updated := `{"type":"feature-updated","eventId":11,"feature":` + featureJSON(moved) + `}`
	removed := `{"type":"feature-removed","eventId":11,"featureName":"a1","project":"p1"},{"type":"segment-removed","eventId":11,"segmentId":1}`
	require.Equal(t, `{"events":[`+removed+`]}`, s.since("", "p1"))
	require.Equal(t, `{"events":[`+segment+`,`+updated+`]}`, s.since("", "p2"))
	require.Equal(t, `{"events":[`+segment+`,`+updated+`]}`, s.since("", "p1", "p2"))
	require.Equal(t, `{"events":[`+segment+`,`+updated+`]}`, s.since("", "*"))
	require.Empty(t, s.since("", "p3"))
}

func TestEventsOfTags(t *testing.T) {
	t.Parallel()
	s := newSmall(t)
	by := Query{Scope: token.NewScope("dev", "*"), Tags: []Tag{{"simple", "x"}}}
	tagged := flagOf("b1", "p1")
	tagged.Tags = []Tag{{"simple", "x"}}
	s.put(tagged)
	require.Empty(t, s.since("", "*"), "tags are no part of what SDKs get")
	payload, ok := s.store.State("dev").Since(by, Cursor{10, 10})
	require.True(t, ok)
	require.Equal(t, `{"events":[{"type":"feature-updated","eventId":11,"feature":`+featureJSON(tagged)+`}]}`, string(payload.JSON))

	s.put(flagOf("b1", "p1"))
	payload, ok = s.store.State("dev").Since(by, Cursor{11, 11})
	require.True(t, ok)
	want := `{"events":[{"type":"feature-removed","eventId":12,"featureName":"b1","project":"p1"}]}`
	require.Equal(t, want, string(payload.JSON))
}

func TestHydrationNamesOnlySegmentsInUse(t *testing.T) {
	t.Parallel()
	s := newSmall(t)
	payload := s.store.State("dev").Hydration(Query{Scope: token.NewScope("dev", "p1")})
	require.Equal(t, `{"events":[{"type":"hydration","eventId":10,"features":[`+featureJSON(flagOf("a1", "p1", 1))+`,`+
		featureJSON(flagOf("b1", "p1"))+`],"segments":[{"id":1,"name":"s1","constraints":[]}]}]}`, string(payload.JSON))
	require.Equal(t, Cursor{10, 10}, payload.Cursor)
}
