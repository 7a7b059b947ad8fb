package admin_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/api"
	"github.com/pennonhq/pennon/api/admin"
	exchange "github.com/pennonhq/pennon/control/fleet"
	"github.com/pennonhq/pennon/db/dbtest"
	"github.com/pennonhq/pennon/fault"
	"github.com/pennonhq/pennon/fleet"
	"github.com/pennonhq/pennon/token"
)

// adminSecret is the one token the test server knows.
const adminSecret = "*:*.adminsecret0001"

type adminTokens struct{}

func (adminTokens) Token(_ context.Context, secret string) (*token.Token, error) {
	if secret != adminSecret {
		return nil, fault.New(fault.Unauthenticated, "unknown token")
	}
	return &token.Token{ID: "1", Name: "admin", Kind: token.Admin, Scope: token.NewScope(token.All, token.All)}, nil
}

// server is the Admin API on a database of its own.
type server struct {
	*dbtest.Database
	handler http.Handler
	log     *strings.Builder // what the API logged; empty unless something failed inside

	lastEvent    int64 // read by events
	lastRevision int64 // read by changes
}

func newServer(t *testing.T) *server {
	t.Helper()
	log := &strings.Builder{}
	target := api.New(api.Config{Build: "1.2.3"}, slog.New(slog.NewTextHandler(log, nil)))
	s := &server{Database: dbtest.New(t), handler: target, log: log}
	admin.Guard(target, adminTokens{})
	admin.Register(target, s.Pool, admin.Config{Fleet: &exchange.Exchange{
		Pool: s.Pool, Registry: fleet.New(fleet.Config{Node: "one"}), Logger: slog.New(slog.DiscardHandler),
	}})
	s.changes(t) // the seed's
	return s
}

// call sends a request with the admin token. A body goes with its content type.
func (s *server) call(method, path, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, "/api/admin"+path, strings.NewReader(body))
	r.Header.Set("Authorization", adminSecret)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	return w
}

// must sends a request that has to succeed.
func (s *server) must(t *testing.T, method, path, body string) string {
	t.Helper()
	w := s.call(method, path, body)
	require.Less(t, w.Code, 300, "%s %s %s: %s", method, path, body, w.Body)
	return w.Body.String()
}

// sql runs a statement beside the API.
func (s *server) sql(t *testing.T, statement string, arguments ...any) {
	t.Helper()
	_, err := s.Pool.Exec(t.Context(), statement, arguments...)
	require.NoError(t, err)
}

// events returns the audit events since the last call, each as "type project/feature/environment" with - for NULL.
func (s *server) events(t *testing.T) []string {
	t.Helper()
	return s.since(t, &s.lastEvent, `SELECT id, concat_ws(' ', type, concat_ws('/', coalesce(project, '-'), coalesce(feature, '-'), coalesce(environment, '-')))
		FROM events WHERE id > $1 ORDER BY id`)
}

// changes returns what the change log says since the last call, each as "kind entity environment" with * for all.
func (s *server) changes(t *testing.T) []string {
	t.Helper()
	return s.since(t, &s.lastRevision, `SELECT max(revision) AS revision, concat_ws(' ', kind, entity, coalesce(environment, '*')) AS entry
		FROM change_log WHERE revision > $1 GROUP BY entry ORDER BY revision`)
}

func (s *server) since(t *testing.T, last *int64, query string) []string {
	t.Helper()
	rows, err := s.Pool.Query(t.Context(), query, *last)
	require.NoError(t, err)
	found := []string{}
	for rows.Next() {
		var text string
		require.NoError(t, rows.Scan(last, &text))
		found = append(found, text)
	}
	require.NoError(t, rows.Err())
	return found
}

// step is one request of a scenario and what must come of it.
type step struct {
	does    string
	method  string
	path    string // after /api/admin; {x} is replaced by what an earlier step saved as x
	body    string
	status  int
	want    string   // the whole JSON body, or when it starts with ~ a part of the text, or nothing to check
	save    string   // saves the id in the answer under this name
	events  []string // all that were appended, in order
	changes []string // change-log rows in any order; nil is not checked, empty means none
}

// run performs the steps in order on one server. Volatile values in bodies are replaced: see mask.
func (s *server) run(t *testing.T, steps []step) {
	t.Helper()
	saved := []string{}
	for _, step := range steps {
		replace := strings.NewReplacer(saved...)
		w := s.call(step.method, replace.Replace(step.path), replace.Replace(step.body))
		require.Equal(t, step.status, w.Code, "%s: %s", step.does, w.Body)
		switch {
		case strings.HasPrefix(step.want, "~"):
			require.Contains(t, w.Body.String(), replace.Replace(step.want[1:]), step.does)
		case step.want != "":
			require.JSONEq(t, replace.Replace(step.want), mask(t, w.Body.String()), step.does)
		}
		if step.save != "" {
			var answer struct{ ID string }
			require.NoError(t, json.Unmarshal(w.Body.Bytes(), &answer), step.does)
			saved = append(saved, "{"+step.save+"}", answer.ID)
		}
		if events := s.events(t); len(events) > 0 || len(step.events) > 0 {
			require.Equal(t, step.events, events, step.does)
		}
		if changes := s.changes(t); step.changes != nil {
			require.ElementsMatch(t, step.changes, changes, step.does)
		}
	}
	require.Empty(t, s.log.String(), "nothing may fail inside")
}

// mask replaces the request id and times of a JSON text by constants.
func mask(t *testing.T, text string) string {
	t.Helper()
	var value any
	require.NoError(t, json.Unmarshal([]byte(text), &value), text)
	var walk func(value any)
	walk = func(value any) {
		switch v := value.(type) {
		case map[string]any:
			for key, item := range v {
				if key == "createdAt" || key == "enteredStageAt" || key == "archivedAt" && item != nil {
					v[key] = "T"
				}
				if _, problem := v["message"]; problem && key == "id" {
					v[key] = "ID"
				}
				walk(item)
			}
		case []any:
			for _, item := range v {
				walk(item)
			}
		}
	}
	walk(value)
	masked, err := json.Marshal(value)
	require.NoError(t, err)
	return string(masked)
}
