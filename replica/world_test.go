package replica

import (
	"cmp"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"

	"github.com/pennonhq/pennon/eval"
)

// world is the truth the tests hold the replica against: the tables of a server and the change log its triggers write,
// without a database.
type world struct {
	random       *rand.Rand
	flags        map[string]*flag
	archived     map[string]bool // projects
	environments map[string]bool
	segments     map[int]int // id → version
	log          []Row

	tx *transaction
}

type flag struct {
	project  string
	archived bool
	version  int
	tags     []Tag
	in       map[string]settings // by environment
}

type settings struct {
	enabled  bool
	version  int
	segments []int
}

// transaction gathers what one delta has to say.
type transaction struct {
	mark     uint32
	rows     []Row
	features map[inEnvironment]int64
	segments map[int]int64
	created  map[string]bool
	deleted  map[string]bool
	resync   bool
}

var (
	worldProjects = []string{"p1", "p2", "p3"}
	worldTags     = []Tag{{"simple", "a"}, {"simple", "b"}, {"team", "a"}}
)

func newWorld(random *rand.Rand) *world {
	w := &world{
		random: random, flags: map[string]*flag{}, archived: map[string]bool{},
		environments: map[string]bool{"development": true, "production": true}, segments: map[int]int{},
	}
	for range 25 {
		w.step()
	}
	return w
}

// clone copies the world, as a backup does.
func (w *world) clone() *world {
	c := &world{
		random: w.random, flags: map[string]*flag{}, archived: maps.Clone(w.archived),
		environments: maps.Clone(w.environments), segments: maps.Clone(w.segments), log: slices.Clone(w.log),
	}
	for name, f := range w.flags {
		copied := *f
		copied.in = maps.Clone(f.in)
		c.flags[name] = &copied
	}
	return c
}

func (w *world) head() int64 {
	if len(w.log) == 0 {
		return 0
	}
	return w.log[len(w.log)-1].Revision
}

// row writes one row of the log, once a transaction.
func (w *world) row(kind Kind, entity, project, environment string) {
	for _, r := range w.tx.rows {
		if r.Kind == kind && r.Entity == entity && r.Project == project && r.Environment == environment {
			return
		}
	}
	r := Row{Revision: w.head() + 1 + w.random.Int64N(3), Mark: w.tx.mark, Kind: kind, Entity: entity, Project: project, Environment: environment}
	w.log = append(w.log, r)
	w.tx.rows = append(w.tx.rows, r)
	concern := func(name string) {
		for e := range w.environments {
			if environment == "" || environment == e {
				w.tx.features[inEnvironment{e, name}] = r.Revision
			}
		}
	}
	switch kind {
	case KindFeature:
		concern(entity)
	case KindProject, KindProjectEnvironment:
		for name, f := range w.flags {
			if f.project == project {
				concern(name)
			}
		}
	case KindSegment:
		id, _ := strconv.Atoi(entity)
		w.tx.segments[id] = r.Revision
	case KindResync:
		w.tx.resync = true
	case KindEnvironment, KindToken, KindSetting:
	}
}

// step runs a transaction of some random statements and returns what it changed.
func (w *world) step() *transaction {
	w.begin()
	for range 1 + w.random.IntN(4) {
		w.statement()
	}
	if len(w.tx.rows) == 0 {
		w.row(KindSetting, "anything", "", "")
	}
	return w.tx
}

func (w *world) begin() {
	w.tx = &transaction{
		mark: max(w.random.Uint32(), 1), features: map[inEnvironment]int64{}, segments: map[int]int64{},
		created: map[string]bool{}, deleted: map[string]bool{},
	}
}

func (w *world) statement() {
	name := fmt.Sprintf("%c%d", "ab"[w.random.IntN(2)], w.random.IntN(8))
	f := w.flags[name]
	environment := pick(w.random, slices.Sorted(maps.Keys(w.environments)))
	switch n := w.random.IntN(100); {
	case f == nil:
		f = &flag{project: pick(w.random, worldProjects), in: map[string]settings{}}
		w.flags[name] = f
		w.row(KindFeature, name, f.project, "")
	case n < 6: // delete
		delete(w.flags, name)
		w.row(KindFeature, name, f.project, "")
	case n < 16: // archive or revive
		f.archived = !f.archived
		w.row(KindFeature, name, f.project, "")
	case n < 28: // move
		w.row(KindFeature, name, f.project, "")
		f.project = pick(w.random, worldProjects)
		w.row(KindFeature, name, f.project, "")
	case n < 34: // describe, perhaps without a difference
		f.version = w.random.IntN(3)
		w.row(KindFeature, name, f.project, "")
	case n < 44: // tag
		f.tags = nil
		for _, tag := range worldTags {
			if w.random.IntN(2) == 0 {
				f.tags = append(f.tags, tag)
			}
		}
		w.row(KindFeature, name, "", "")
	case n < 72: // strategies
		s := settings{enabled: w.random.IntN(2) == 0, version: w.random.IntN(4)}
		for _, id := range slices.Sorted(maps.Keys(w.segments)) {
			if w.random.IntN(4) == 0 {
				s.segments = append(s.segments, id)
			}
		}
		f.in[environment] = s
		w.row(KindFeature, name, "", environment)
	case n < 84: // segment
		id := 1 + w.random.IntN(5)
		w.segments[id] = w.random.IntN(5)
		w.row(KindSegment, strconv.Itoa(id), "", "")
	case n < 88: // delete a segment, whoever refers to it
		id := 1 + w.random.IntN(5)
		if _, exists := w.segments[id]; exists {
			delete(w.segments, id)
			w.row(KindSegment, strconv.Itoa(id), "", "")
		}
	case n < 91: // archive or revive a project
		project := pick(w.random, worldProjects)
		w.archived[project] = !w.archived[project]
		w.row(KindProject, project, project, "")
	case n < 94:
		w.environment()
	case n < 95:
		w.row(KindResync, "*", "", "")
	case n < 97:
		w.row(KindToken, "7", "", "")
	default: // announced, but no difference
		w.row(KindFeature, name, "", environment)
	}
}

// environment creates, deletes or recreates the third environment.
func (w *world) environment() {
	const name = "test"
	if w.environments[name] {
		delete(w.environments, name)
		for _, f := range w.flags {
			delete(f.in, name)
		}
		w.tx.deleted[name] = true
		delete(w.tx.created, name)
		w.row(KindEnvironment, name, "", name)
	}
	if w.random.IntN(2) == 0 {
		w.environments[name] = true
		w.tx.created[name] = true
		w.row(KindEnvironment, name, "", name)
	}
}

func pick[T any](random *rand.Rand, from []T) T { return from[random.IntN(len(from))] }

// feature is what an SDK gets of a flag, nil if nothing.
func (w *world) feature(environment, name string) *Feature {
	f := w.flags[name]
	if f == nil || f.archived || w.archived[f.project] {
		return nil
	}
	s := f.in[environment]
	feature := &Feature{Feature: eval.Feature{Name: name, Type: "release", Enabled: s.enabled, Project: f.project}, Tags: f.tags}
	if f.version > 0 {
		description := strconv.Itoa(f.version)
		feature.Description = &description
	}
	if s.version > 0 {
		feature.Strategies = []eval.Strategy{
			{Name: "default", Parameters: map[string]string{"v": strconv.Itoa(s.version), "a": "<é>"}, Segments: s.segments},
			{Name: "other"},
		}
	}
	return feature
}

func (w *world) features(environment string) []Feature {
	var features []Feature
	for name := range w.flags {
		if f := w.feature(environment, name); f != nil {
			features = append(features, *f)
		}
	}
	return features
}

func (w *world) segment(id int) *eval.Segment {
	version, exists := w.segments[id]
	if !exists {
		return nil
	}
	return &eval.Segment{ID: id, Name: "s" + strconv.Itoa(id), Constraints: []eval.Constraint{
		{ContextName: "userId", Operator: "IN", Values: []string{strconv.Itoa(version)}},
	}}
}

// snapshot is what a Source reads at the start, with the log from row on.
func (w *world) snapshot(from int) Snapshot {
	s := Snapshot{Log: slices.Clone(w.log[min(from, len(w.log)-1):]), Environments: map[string][]Feature{}}
	for environment := range w.environments {
		s.Environments[environment] = w.features(environment)
	}
	for id := range w.segments {
		s.Segments = append(s.Segments, *w.segment(id))
	}
	return s
}

// delta is what a Source makes of the rows of some transactions. It shows the state at the last one.
func (w *world) delta(transactions []*transaction) Delta {
	d := Delta{EnvironmentsCreated: map[string][]Feature{}}
	features, segments := map[inEnvironment]int64{}, map[int]int64{}
	touched := map[string]bool{}
	for _, tx := range transactions {
		d.Rows = append(d.Rows, tx.rows...)
		maps.Copy(features, tx.features)
		maps.Copy(segments, tx.segments)
		for e := range tx.deleted {
			touched[e] = true
		}
		for e := range tx.created {
			touched[e] = true
		}
	}
	for e := range touched {
		d.EnvironmentsDeleted = append(d.EnvironmentsDeleted, e)
		if w.environments[e] {
			d.EnvironmentsCreated[e] = w.features(e)
		}
	}
	for place, revision := range features {
		if w.environments[place.environment] {
			d.Features = append(d.Features, FeatureChange{
				Environment: place.environment, Name: place.name, Feature: w.feature(place.environment, place.name), Revision: revision,
			})
		}
	}
	slices.SortFunc(d.Features, func(a, b FeatureChange) int { return cmp.Compare(a.Revision, b.Revision) })
	for id, revision := range segments {
		d.Segments = append(d.Segments, SegmentChange{ID: id, Segment: w.segment(id), Revision: revision})
	}
	return d
}
