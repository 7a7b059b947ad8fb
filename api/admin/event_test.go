package admin_test

import (
	"encoding/csv"
	"encoding/json"
	"log/slog"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/api"
	"github.com/pennonhq/pennon/api/admin"
	"github.com/pennonhq/pennon/db/dbtest"
)

// searched is an answer of the event search.
type searched struct {
	Events []struct {
		ID          int64
		Type        string
		FeatureName string
		Label       string
		Summary     string
		IP          *string
	}
	Total int64
	Next  string
}

func (s *server) search(t *testing.T, query string) searched {
	t.Helper()
	var found searched
	require.NoError(t, json.Unmarshal([]byte(s.must(t, "GET", "/search/events?"+query, "")), &found))
	return found
}

// withHistory is a server with two flags and what was done to them: seven events.
func withHistory(t *testing.T) *server {
	t.Helper()
	s := newServer(t)
	s.must(t, "POST", "/projects/default/features", `{"name":"checkout","description":"50%_off"}`)
	s.must(t, "POST", "/projects/default/features", `{"name":"search"}`)
	s.must(t, "POST", "/projects/default/features/checkout/environments/development/on", "")
	s.must(t, "POST", "/projects/default/features/checkout/environments/production/on", "")
	s.must(t, "POST", "/segments", `{"name":"beta","constraints":[]}`)
	s.sql(t, `UPDATE events SET created_at = '2026-03-04 23:59:59Z' WHERE feature = 'search'`)
	return s
}

func TestEventSearch(t *testing.T) {
	t.Parallel()
	s := withHistory(t)
	all := s.search(t, "")
	require.EqualValues(t, 7, all.Total)
	require.Len(t, all.Events, 7)
	require.Equal(t, "segment-created", all.Events[0].Type, "newest first")
	first := all.Events[6]
	require.Equal(t, "feature-created", first.Type)
	require.NotEmpty(t, first.Label)
	require.Contains(t, first.Summary, "checkout")
	group := ""
	require.NoError(t, s.Pool.QueryRow(t.Context(), `SELECT group_id FROM events WHERE environment = 'production' LIMIT 1`).Scan(&group))

	for query, want := range map[string]int{
		"feature=IS:checkout":                                         5,
		"feature=IS_ANY_OF:checkout,search":                           6,
		"feature=IS:nope":                                             0,
		"project=IS:default":                                          6,
		"project=IS_ANY_OF:default,other&feature=IS:search":           1,
		"type=IS:feature-created":                                     2,
		"type=IS_ANY_OF:feature-created,segment-created":              3,
		"environment=IS:production":                                   2,
		"environment=IS_ANY_OF:production,development":                4,
		"createdBy=IS:-42":                                            7,
		"createdBy=IS_ANY_OF:-1337,7":                                 0,
		"groupId=IS:" + group:                                         2,
		"id=IS:" + strconv.FormatInt(first.ID, 10):                    1,
		"id=IS_ANY_OF:" + strconv.FormatInt(first.ID, 10) + ",999999": 1,
		"from=IS:2026-03-04&to=IS:2026-03-04":                         1,
		"from=IS:2026-03-05":                                          6,
		"to=IS:2026-03-03":                                            0,
		"query=CHECK":                                                 5,
		"query=" + url.QueryEscape("50%_o"):                           1,
		"query=" + url.QueryEscape("5_%"):                             0,
		"query=beta":                                                  1,
		"query=beta&feature=IS:checkout":                              0,
	} {
		found := s.search(t, query)
		require.Len(t, found.Events, want, query)
		require.EqualValues(t, want, found.Total, query)
	}

	page := s.search(t, "limit=2&offset=1")
	require.EqualValues(t, 7, page.Total)
	require.Equal(t, []int64{all.Events[1].ID, all.Events[2].ID}, []int64{page.Events[0].ID, page.Events[1].ID})
	require.Empty(t, page.Next)

	for query, want := range map[string]string{
		"from=2026-01-01":            "/query/from",
		"from=IS:2026-13-01":         "/query/from",
		"to=IS:2026-02-30":           "/query/to",
		"createdBy=IS:admin":         "/query/createdBy",
		"id=IS:x":                    "/query/id",
		"feature=checkout":           "/query/feature",
		"feature=IS_NOT:a":           "/query/feature",
		"limit=0":                    "/query/limit",
		"limit=1001":                 "/query/limit",
		"offset=-1":                  "/query/offset",
		"after=-1":                   "cursor",
		"after=x":                    "cursor",
		"query=a%00b":                "characters that cannot be stored",
		"feature=IS:a%00b":           "characters that cannot be stored",
		"id=IS:99999999999999999999": "/query/id",
	} {
		w := s.call("GET", "/search/events?"+query, "")
		require.Equal(t, 400, w.Code, query)
		require.Contains(t, w.Body.String(), want, query)
	}
	require.Empty(t, s.log.String())
}

func TestEventLists(t *testing.T) {
	t.Parallel()
	s := withHistory(t)
	var list struct {
		Version     int
		ToggleName  string
		Events      []struct{ Type string }
		TotalEvents int
	}
	read := func(path string) {
		t.Helper()
		w := s.call("GET", path, "")
		require.Equal(t, 200, w.Code, w.Body)
		require.NotEmpty(t, w.Header().Get("Deprecation"))
		require.Contains(t, w.Header().Get("Link"), "search/events")
		require.NoError(t, json.Unmarshal(w.Body.Bytes(), &list))
	}
	read("/events")
	require.Equal(t, []int{1, 7, 7}, []int{list.Version, list.TotalEvents, len(list.Events)})
	read("/events?project=default")
	require.Len(t, list.Events, 6)
	read("/events/search")
	require.Equal(t, "search", list.ToggleName)
	require.Len(t, list.Events, 1)
	require.JSONEq(t, `[{"id":-42,"name":"Admin tokens"}]`, s.must(t, "GET", "/event-creators", ""))

	s.sql(t, `INSERT INTO events (type, created_by, created_by_user_id) VALUES ('x', 'a', NULL), ('x', 'unleash_system_user', -1337), ('x', 'old', 7), ('x', 'new', 7)`)
	require.JSONEq(t, `[{"id":-1337,"name":"System"},{"id":-42,"name":"Admin tokens"},{"id":7,"name":"new"}]`, s.must(t, "GET", "/event-creators", ""))
}

func TestEventExport(t *testing.T) {
	t.Parallel()
	s := withHistory(t)
	s.sql(t, `INSERT INTO events (type, created_by, project) SELECT 'segment-updated', '=HYPERLINK("x")', 'p' || n FROM generate_series(1, 2500) n`)

	w := s.call("GET", "/search/events/export", "")
	require.Equal(t, `attachment; filename="events.json"`, w.Header().Get("Content-Disposition"))
	var events []struct{ ID int64 }
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &events))
	require.Len(t, events, 2507)
	for i := range events[1:] {
		require.Greater(t, events[i].ID, events[i+1].ID, "newest first, each once")
	}

	w = s.call("GET", "/search/events/export?format=csv&feature=IS:checkout&type=IS:feature-created", "")
	require.Equal(t, "text/csv; charset=utf-8", w.Header().Get("Content-Type"))
	rows, err := csv.NewReader(w.Body).ReadAll()
	require.NoError(t, err)
	require.Len(t, rows, 2)
	require.Equal(t, "id", rows[0][0])
	require.Equal(t, []string{"feature-created", "admin", "-42", "default", "", "checkout"}, append(rows[1][2:3:3], rows[1][4:9]...))

	w = s.call("GET", "/search/events/export?format=csv&project=IS:p1", "")
	require.Contains(t, w.Body.String(), `'=HYPERLINK`, "no formula reaches the spreadsheet")
	require.JSONEq(t, `[]`, s.must(t, "GET", "/search/events/export?feature=IS:nope", ""))
	require.Equal(t, 400, s.call("GET", "/search/events/export?format=xml", "").Code)
}

// follow reads on from a cursor until nothing more comes, in small pages.
func (s *server) follow(t *testing.T, cursor, filter string) (ids []int64, next string) {
	t.Helper()
	for {
		page := s.search(t, "limit=3&after="+cursor+filter)
		for _, e := range page.Events {
			ids = append(ids, e.ID)
		}
		cursor = page.Next
		if len(page.Events) < 3 {
			return ids, cursor
		}
	}
}

func TestEventCursor(t *testing.T) {
	t.Parallel()

	t.Run("ShowsEveryEventOnceInOrder", func(t *testing.T) {
		t.Parallel()
		s := withHistory(t)
		ids, cursor := s.follow(t, "0", "")
		require.Len(t, ids, 7)
		again, same := s.follow(t, cursor, "")
		require.Empty(t, again)
		require.Equal(t, cursor, same)
		require.Equal(t, cursor, s.search(t, "after=now").Next)
		s.must(t, "POST", "/projects/default/features", `{"name":"later"}`)
		found, next := s.follow(t, cursor, "&feature=IS:nope")
		require.Empty(t, found)
		require.NotEqual(t, cursor, next, "what the filter hides is not read again")
		found, _ = s.follow(t, cursor, "&type=IS:feature-created")
		require.Len(t, found, 1)
	})

	t.Run("DoesNotStepOverEventsThatCommitLate", func(t *testing.T) {
		t.Parallel()
		s := newServer(t)
		const insert = `INSERT INTO events (type, created_by) VALUES ($1, 'x')`
		early, err := s.Pool.Begin(t.Context())
		require.NoError(t, err)
		_, err = early.Exec(t.Context(), insert, "low-id")
		require.NoError(t, err)
		s.sql(t, insert, "high-id")
		ids, cursor := s.follow(t, "0", "")
		require.Len(t, ids, 1)
		require.NoError(t, early.Commit(t.Context()))
		late, _ := s.follow(t, cursor, "")
		require.Len(t, late, 1)
		require.Less(t, late[0], ids[0], "its id is the lower one, its turn is later")
	})

	t.Run("LosesNothingToConcurrentWriters", func(t *testing.T) {
		t.Parallel()
		s := newServer(t)
		const writers, writes = 4, 40
		var group sync.WaitGroup
		done := make(chan struct{})
		for range writers {
			group.Go(func() {
				for range writes {
					err := pgx.BeginFunc(t.Context(), s.Pool, func(tx pgx.Tx) error {
						_, err := tx.Exec(t.Context(), `INSERT INTO events (type, created_by) VALUES ('a', 'x'), ('b', 'x')`)
						return err
					})
					if err != nil {
						t.Error(err)
					}
				}
			})
		}
		go func() { group.Wait(); close(done) }()
		seen := map[int64]bool{}
		cursor := "0"
		for last := false; ; {
			var ids []int64
			ids, cursor = s.follow(t, cursor, "")
			for _, id := range ids {
				require.False(t, seen[id], "event %d comes twice", id)
				seen[id] = true
			}
			if last {
				break
			}
			select {
			case <-done:
				last = true
			default:
			}
		}
		require.Len(t, seen, 2*writers*writes)
	})
}

// newBenchServer is newServer for benchmarks.
func newBenchServer(b *testing.B) *server {
	b.Helper()
	target := api.New(api.Config{}, slog.New(slog.DiscardHandler))
	s := &server{Database: dbtest.New(b), handler: target}
	admin.Guard(target, adminTokens{})
	admin.Register(target, s.Pool, admin.Config{})
	return s
}

// BenchmarkEventSearch searches 100,000 events.
func BenchmarkEventSearch(b *testing.B) {
	s := newBenchServer(b)
	_, err := s.Pool.Exec(b.Context(), `INSERT INTO events (type, created_by, created_by_user_id, project, environment, feature, data, created_at)
		SELECT (ARRAY['feature-created', 'feature-strategy-update', 'feature-environment-enabled'])[1 + n % 3], 'admin', n % 50, 'p' || n % 40,
			CASE WHEN n % 2 = 0 THEN 'production' END, 'flag-' || n % 5000,
			jsonb_build_object('name', 'flag-' || n % 5000, 'description', repeat(md5(n::text), 8)), now() - n * interval '1 minute'
		FROM generate_series(1, 100000) n`)
	require.NoError(b, err)
	_, err = s.Pool.Exec(b.Context(), `VACUUM ANALYZE events`)
	require.NoError(b, err)
	for _, query := range []string{
		"", "feature=IS:flag-42", "project=IS:p7", "type=IS:feature-created&environment=IS:production", "createdBy=IS:7&project=IS:p7",
		"from=IS:2026-01-01", "query=flag-42", "query=nothing-like-it", "after=0", "offset=90000",
	} {
		b.Run(strings.ReplaceAll(query, "/", "_"), func(b *testing.B) {
			for b.Loop() {
				require.Equal(b, 200, s.call("GET", "/search/events?"+query, "").Code)
			}
		})
	}
}
