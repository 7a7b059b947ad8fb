package replica

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"strconv"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/eval"
	"github.com/pennonhq/pennon/token"
)

func TestStoreIsEmptyBeforeTheFirstReset(t *testing.T) {
	t.Parallel()
	s := NewStore(discard)
	require.False(t, s.Ready())
	require.Nil(t, s.State("dev"))
	require.Nil(t, s.Environments())
	require.Equal(t, Cursor{}, s.Cursor())
	s.Apply(Delta{Rows: []Row{{Revision: 1, Mark: 1}}})
	require.False(t, s.Ready(), "a change of nothing is no state")
}

func TestStoreTellsWhoseFlagsHaveChanged(t *testing.T) {
	t.Parallel()
	s := newSmall(t)
	var told [][]string
	s.store.OnChange(func(environments []string) { told = append(told, environments) })
	s.put(flagOf("b1", "p1"))
	require.Empty(t, told, "nothing is different")
	s.segment(3, "unused")
	require.Empty(t, told, "nobody can see it")
	s.segment(1, "used")
	s.put(flagOf("b1", "p1", 2))
	require.Equal(t, [][]string{{"dev"}, {"dev"}}, told)

	told = nil
	s.store.Apply(Delta{
		Rows: s.row(KindEnvironment, "new"), EnvironmentsDeleted: []string{"dev"},
		EnvironmentsCreated: map[string][]Feature{"new": {*flagOf("n", "p1", 1)}},
	})
	require.Equal(t, [][]string{{"dev", "new"}}, told)
	require.Nil(t, s.store.State("dev"))
	require.Equal(t, []string{"new"}, s.store.Environments())
	require.Contains(t, string(s.store.State("new").Hydration(Query{Scope: token.NewScope("new", "*")}).JSON), `"name":"used"`)
}

func TestStoreIgnoresRowsItHas(t *testing.T) {
	t.Parallel()
	s := newSmall(t)
	before := s.store.State("dev")
	s.store.Apply(Delta{Rows: []Row{{Revision: 9, Mark: 9}, {Revision: 10, Mark: 10}}})
	require.Same(t, before, s.store.State("dev"))
}

func TestCursorsOfAnotherHistoryAreRefused(t *testing.T) {
	t.Parallel()
	s := newSmall(t)
	q := Query{Scope: token.NewScope("dev", "*")}
	resumes := func(c Cursor) bool {
		_, ok := s.store.State("dev").Since(q, c)
		return ok
	}
	s.put(flagOf("b1", "p1", 2))
	require.True(t, resumes(Cursor{10, 10}))
	require.True(t, resumes(Cursor{10, 0}))
	require.True(t, resumes(Cursor{11, 11}))
	require.False(t, resumes(Cursor{9, 0}), "older than what is known")
	require.False(t, resumes(Cursor{12, 0}), "ahead")
	require.False(t, resumes(Cursor{10, 11}), "another mark")

	s.store.Reset(Snapshot{
		Forked: true, Environments: map[string][]Feature{"dev": {*flagOf("a1", "p1")}},
		Log: []Row{{Revision: 10, Mark: 10, Kind: KindSetting}, {Revision: 11, Mark: 99, Kind: KindSetting}},
	})
	require.False(t, resumes(Cursor{10, 10}))
	require.False(t, resumes(Cursor{11, 11}))
	require.False(t, resumes(Cursor{11, 0}), "numbers may be of the old history")
	require.True(t, resumes(Cursor{11, 99}))
	s.revision = 11
	s.put(flagOf("a1", "p1", 1))
	require.True(t, resumes(Cursor{11, 99}))
	require.True(t, resumes(Cursor{12, 0}))
}

func TestAChangeWithoutARowMakesEverybodyStartOver(t *testing.T) {
	t.Parallel()
	s := newSmall(t)
	q := Query{Scope: token.NewScope("dev", "*")}
	etag := s.store.State("dev").Features(FeaturesQuery{Query: q}).ETag()
	s.store.Reset(Snapshot{
		Log:          []Row{{Revision: 10, Mark: 10, Kind: KindSetting}},
		Environments: map[string][]Feature{"dev": {*flagOf("sneaked", "p1")}},
	})
	_, ok := s.store.State("dev").Since(q, Cursor{10, 10})
	require.False(t, ok)
	require.NotEqual(t, etag, s.store.State("dev").Features(FeaturesQuery{Query: q}).ETag())
	require.Contains(t, string(s.store.State("dev").Hydration(q).JSON), "sneaked")
	s.put(flagOf("sneaked", "p2"))
	_, ok = s.store.State("dev").Since(q, Cursor{10, 10})
	require.False(t, ok)
	_, ok = s.store.State("dev").Since(q, s.store.Cursor())
	require.True(t, ok)
}

func TestAResetWithoutNewsDisturbsNobody(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(3, 3))
	w := newWorld(random)
	f := follow(w, 0)
	q := Query{Scope: token.NewScope("development", "*")}
	cursor := f.store.Cursor()
	body := f.store.State("development").Features(FeaturesQuery{Query: q})
	f.store.Reset(w.snapshot(0))
	payload, ok := f.store.State("development").Since(q, cursor)
	require.True(t, ok)
	require.Nil(t, payload)
	require.Equal(t, body.ETag(), f.store.State("development").Features(FeaturesQuery{Query: q}).ETag())
}

func TestHistoryIsTrimmedWithWhatItAloneNeeds(t *testing.T) {
	t.Parallel()
	s := newSmall(t)
	s.remove("a1")
	cursor := s.store.Cursor()
	var told int
	s.store.OnChange(func([]string) { told++ })
	const batch = 10_000
	for range (historyMax + historyKept) / batch {
		rows := make([]Row, batch)
		for i := range rows {
			rows[i] = Row{Revision: s.revision + int64(i) + 1, Mark: 1, Kind: KindSetting, Entity: strconv.Itoa(i)}
		}
		s.revision += batch
		s.store.Apply(Delta{Rows: rows})
	}
	st := s.store.State("dev")
	require.LessOrEqual(t, len(st.log.revisions), historyMax)
	require.False(t, st.log.continues(cursor))
	require.Zero(t, st.gone.length)
	require.True(t, st.Resumable(token.NewScope("dev", "*"), s.store.Cursor()))
	perWake := (wakeAfter + batch - 1) / batch * batch
	require.Equal(t, (historyMax+historyKept)/perWake, told, "silent readers have to be brought along")
}

func TestTokensAreRememberedByTheirNewestRow(t *testing.T) {
	t.Parallel()
	s := newSmall(t)
	require.Zero(t, s.store.TokenRevision("7"))
	s.store.Apply(Delta{Rows: s.row(KindToken, "7")})
	require.EqualValues(t, 11, s.store.TokenRevision("7"))
	restarted := NewStore(discard)
	restarted.Reset(Snapshot{Log: []Row{{Revision: 11, Mark: 1, Kind: KindToken, Entity: "7"}}})
	require.EqualValues(t, 11, restarted.TokenRevision("7"))
}

func TestQueriesWithDifferentAnswersHaveDifferentKeys(t *testing.T) {
	t.Parallel()
	scope := func(projects ...string) token.Scope { return token.NewScope("dev", projects...) }
	keys := map[string]int{}
	for i, q := range []Query{
		{Scope: scope()},
		{Scope: scope("*")},
		{Scope: scope("a")},
		{Scope: scope("a", "b")},
		{Scope: scope("a\x00b")},
		{Scope: scope("a", "b", "c")},
		{Scope: scope("a\x00b", "c")},
		{Scope: scope("a", "b\x00c")},
		{Scope: token.NewScope("prod", "a")},
		{Scope: scope("a"), NamePrefix: "b"},
		{Scope: scope("a"), NamePrefix: "\x00\x001:b"},
		{Scope: scope("a"), Tags: []Tag{{"b", "c"}}},
		{Scope: scope("a"), NamePrefix: "b", Tags: []Tag{{"c", "d"}}},
		{Scope: scope("a"), Tags: []Tag{{"b", "c"}, {"d", "e"}}},
		{Scope: scope("1:b", "a")},
		{Scope: scope("", "a")},
		{Scope: scope(), NamePrefix: "a"},
		{Scope: scope("\x001:a")},
	} {
		other, taken := keys[q.Key()]
		require.False(t, taken, "queries %d and %d", i, other)
		keys[q.Key()] = i
	}
	a := Query{Scope: scope("b", "a"), Tags: []Tag{{"x", "y"}, {"v", "w"}}}
	b := Query{Scope: scope("a", "b", "a"), Tags: []Tag{{"v", "w"}, {"x", "y"}, {"v", "w"}}}
	require.Equal(t, a.Key(), b.Key())
}

func TestBodiesStayWhileTheirScopeDoes(t *testing.T) {
	t.Parallel()
	s := newSmall(t)
	q := FeaturesQuery{Query: Query{Scope: token.NewScope("dev", "p1")}}
	first := s.store.State("dev").Features(q)
	zipped := first.Gzip()
	plain := string(first.Plain())
	s.put(flagOf("a2", "p2"))
	second := s.store.State("dev").Features(q)
	require.Equal(t, first.ETag(), second.ETag())
	require.Same(t, &zipped[0], &second.Gzip()[0], "compressed once")
	runtime.GC() // takes the plain text
	require.Equal(t, plain, string(second.Plain()))
	old := s.store.State("dev")
	s.put(flagOf("b1", "p1", 3))
	require.NotEqual(t, first.ETag(), s.store.State("dev").Features(q).ETag())
	require.Equal(t, first.ETag(), old.Features(q).ETag(), "an old state says what it said")
}

func TestShelfIsBounded(t *testing.T) {
	t.Parallel()
	s := newSmall(t)
	st := s.store.State("dev")
	q := func(i int) FeaturesQuery {
		return FeaturesQuery{Query: Query{Scope: token.NewScope("dev", "*"), NamePrefix: strconv.Itoa(i)}}
	}
	for i := range shelfMax + 100 {
		st.Features(q(0))
		st.Features(q(i))
	}
	require.Len(t, st.shelf.cells, shelfMax)
	built := s.store.Built()
	require.GreaterOrEqual(t, built, uint64(shelfMax))
	st.Features(q(0))
	require.Equal(t, built, s.store.Built(), "that answer is ready")
	require.Contains(t, st.shelf.cells, shelfKey{q(0).Key(), shapeFeatures}, "what is in use stays")
	require.NotContains(t, st.shelf.cells, shelfKey{q(1).Key(), shapeFeatures})
	for i := range sweepAfter + 1 {
		s.put(flagOf("a1", fmt.Sprint("p", i%2)))
	}
	s.store.State("dev").Features(q(0))
	for i := range sweepAfter + 1 {
		s.put(flagOf("a1", fmt.Sprint("p", i%2)))
	}
	require.Less(t, len(st.shelf.cells), 3)
}

func TestCompiledFollowsTheState(t *testing.T) {
	t.Parallel()
	for seed := range uint64(10) {
		random := rand.New(rand.NewPCG(seed, 4))
		w := newWorld(random)
		f := follow(w, 0)
		for range 100 {
			f.pending = append(f.pending, w.step())
			if random.IntN(2) > 0 {
				continue
			}
			f.feed(w)
			st := f.store.State("development")
			if random.IntN(2) > 0 {
				continue
			}
			compiled := st.Compiled()
			require.Same(t, compiled, st.Compiled())
			fresh := st.compileAll()
			require.Equal(t, fresh.Len(), compiled.Len())
			ctx := &eval.Context{UserID: strconv.Itoa(random.IntN(5))}
			for e := range st.features.all() {
				require.Equal(t, fresh.Enabled(e.name, ctx), compiled.Enabled(e.name, ctx), e.json)
			}
			for id := range 6 {
				want, exists := fresh.Segment(id)
				got, found := compiled.Segment(id)
				require.Equal(t, exists, found)
				require.Equal(t, want, got)
			}
		}
	}
}

func TestReadersNeverWaitForOrSeeHalfAChange(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(9, 9))
	w := newWorld(random)
	f := follow(w, 0)
	done := make(chan struct{})
	var readers sync.WaitGroup
	for reader := range uint64(4) {
		readers.Go(func() {
			random := rand.New(rand.NewPCG(reader, 5))
			clients := newClients(random, 10)
			for {
				select {
				case <-done:
					return
				default:
				}
				c := pick(random, clients)
				st := f.store.State(c.query.Scope.Environment)
				if st == nil {
					continue
				}
				for id := range 10 { // entitlement is for the other tests
					c.seen[id] = true
				}
				c.sync(t, st)
				for name, json := range c.features {
					if e := st.feature(name); e == nil || e.json != json {
						t.Errorf("%s is not as in the state", name)
					}
				}
				body := st.Features(FeaturesQuery{Query: c.query, InlineSegments: random.IntN(2) == 0})
				if len(body.Plain()) != body.Size() || len(body.Gzip()) == 0 {
					t.Error("broken body")
				}
				st.Compiled()
			}
		})
	}
	for range 400 {
		f.pending = append(f.pending, w.step())
		f.feed(w)
		runtime.Gosched()
	}
	close(done)
	readers.Wait()
}
