package admin_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// send is call with header fields.
func (s *server) send(method, path, body string, fields ...string) *httptest.ResponseRecorder {
	return sendTo(s.handler, method, path, body, fields...)
}

func sendTo(handler http.Handler, method, path, body string, fields ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, "/api/admin"+path, strings.NewReader(body))
	r.Header.Set("Authorization", adminSecret)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(fields); i += 2 {
		r.Header.Add(fields[i], fields[i+1])
	}
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	return w
}

// tag reads the ETag of a resource.
func (s *server) tag(t *testing.T, path string) string {
	t.Helper()
	w := s.call(http.MethodGet, path, "")
	require.Equal(t, 200, w.Code, w.Body)
	require.Regexp(t, `^"[0-9a-f]{32}\.[0-9a-f]+"$`, w.Header().Get("ETag"))
	return w.Header().Get("ETag")
}

func TestIfMatch(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.furnish(t)

	for _, edit := range edits {
		t.Run("RefusesToOverwriteAnothers/"+edit.name, func(t *testing.T) {
			seen := s.tag(t, edit.path)
			s.must(t, edit.other[0], edit.other[1], edit.other[2])
			s.events(t)
			s.changes(t)
			for _, own := range edit.own {
				w := s.send(own[0], own[1], own[2], "If-Match", seen)
				require.Equal(t, 412, w.Code, "%s %s: %s", own[0], own[1], w.Body)
				require.Contains(t, w.Body.String(), `"name":"PreconditionFailedError"`)
				require.Empty(t, w.Header().Get("ETag"))
				require.Empty(t, s.events(t))
				require.Empty(t, s.changes(t))
			}
			now := s.tag(t, edit.path)
			require.NotEqual(t, seen, now)
			for i, own := range edit.own {
				w := s.send(own[0], own[1], own[2], "If-Match", now)
				require.Less(t, w.Code, 300, "%s %s: %s", own[0], own[1], w.Body)
				if i < len(edit.own)-1 {
					require.Regexp(t, `^"[0-9a-f]{32}"$`, w.Header().Get("ETag"), own)
				}
				now = w.Header().Get("ETag")
			}
		})
	}
}

func TestIfMatchOfAStrategy(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.must(t, "POST", fs, `{"name":"f1"}`)
	s.must(t, "POST", dev+"/strategies", `{"id":"x","name":"default"}`)
	var id string
	require.NoError(t, s.Pool.QueryRow(t.Context(), `SELECT id FROM feature_strategies`).Scan(&id))
	one := dev + "/strategies/" + id
	seen := s.tag(t, one)
	s.must(t, "POST", dev+"/strategies", `{"name":"default"}`) // is no change of the first
	require.Equal(t, seen, s.tag(t, one))
	w := s.send("PUT", one, `{"name":"default","title":"mine"}`, "If-Match", seen)
	require.Equal(t, 200, w.Code, w.Body)
	require.Equal(t, 412, s.send("PATCH", one, `[{"op":"replace","path":"/title","value":"x"}]`, "If-Match", seen).Code)
	require.Equal(t, 412, s.send("DELETE", one, "", "If-Match", seen).Code)
	require.Equal(t, 200, s.send("DELETE", one, "", "If-Match", w.Header().Get("ETag")).Code)
}

func TestIfMatchKeepsToItsStandard(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.must(t, "POST", fs, `{"name":"f1"}`)
	current := s.tag(t, fs+"/f1")
	version := current[:33] + `"`
	change := func(fields ...string) int {
		return s.send("PUT", fs+"/f1", `{"name":"f1","type":"release"}`, fields...).Code
	}
	for name, c := range map[string]struct {
		status int
		fields []string
	}{
		"none":                     {200, nil},
		"the tag":                  {200, []string{"If-Match", current}},
		"the tag of a write":       {200, []string{"If-Match", version}},
		"one of several":           {200, []string{"If-Match", `"a,b" , W/"c",` + current}},
		"in one of several fields": {200, []string{"If-Match", `"a"`, "If-Match", current}},
		"any":                      {200, []string{"If-Match", "*"}},
		"weak":                     {412, []string{"If-Match", "W/" + current}},
		"another":                  {412, []string{"If-Match", `"a"`}},
		"empty":                    {412, []string{"If-Match", ""}},
		"no tag":                   {412, []string{"If-Match", strings.Trim(current, `"`)}},
		"an unfinished one":        {412, []string{"If-Match", strings.TrimSuffix(current, `"`)}},
		"an empty one":             {412, []string{"If-Match", `""`}},
	} {
		require.Equal(t, c.status, change(c.fields...), name)
	}
	// What would be refused anyway is refused for its own reason.
	require.Equal(t, 404, s.send("PUT", fs+"/none", `{"name":"none"}`, "If-Match", current).Code)
	require.Equal(t, 404, s.send("DELETE", "/projects/none/features/f1", "", "If-Match", "*").Code)
	require.Equal(t, 400, s.send("PUT", fs+"/f1", `{"type":1}`, "If-Match", `"a"`).Code)
	// To delete an unknown token succeeds, but not under a condition.
	require.Equal(t, 200, s.send("DELETE", "/api-tokens/none", "").Code)
	require.Equal(t, 412, s.send("DELETE", "/api-tokens/none", "", "If-Match", "*").Code)
	require.Empty(t, s.log.String())
}

func TestIfNoneMatch(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.must(t, "POST", fs, `{"name":"f1"}`)
	seen := s.tag(t, fs+"/f1")
	for _, field := range []string{seen, "W/" + seen, `"x", ` + seen, "*"} {
		w := s.send("GET", fs+"/f1", "", "If-None-Match", field)
		require.Equal(t, 304, w.Code, field)
		require.Empty(t, w.Body.String())
		require.Equal(t, seen, w.Header().Get("ETag"))
	}
	require.Equal(t, 200, s.send("GET", fs+"/f1", "", "If-None-Match", `"x"`).Code)

	// What is shown and is nobody's edit changes the answer and its tag, and not the version.
	s.sql(t, `INSERT INTO feature_last_seen (feature, environment, last_seen_at) VALUES ('f1', 'development', now())`)
	require.Equal(t, 200, s.send("GET", fs+"/f1", "", "If-None-Match", seen).Code)
	require.Equal(t, 200, s.send("PUT", fs+"/f1", `{"name":"f1"}`, "If-Match", seen).Code)
}

func TestOfWritersWithTheSameTagOneSucceeds(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.furnish(t)
	for name, c := range map[string]struct {
		path string
		own  [3]string
	}{
		"flag":    {fs + "/f1", [3]string{"PATCH", fs + "/f1", `[{"op":"add","path":"/description","value":"@"}]`}},
		"state":   {dev, [3]string{"POST", dev + "/on", ""}},
		"segment": {"/segments/1", [3]string{"PUT", "/segments/1", `{"name":"@","constraints":[]}`}},
		"project": {"/projects/p1", [3]string{"PUT", "/projects/p1", `{"name":"@"}`}},
		"removal": {"/strategies/own", [3]string{"DELETE", "/strategies/own", ""}},
	} {
		t.Run(name, func(t *testing.T) {
			for range 5 {
				if w := s.call("GET", c.path, ""); w.Code == 404 {
					break // removed in the round before
				}
				seen := s.tag(t, c.path)
				var mu sync.Mutex
				statuses := map[int]int{}
				start := make(chan struct{})
				var wait sync.WaitGroup
				for i := range 6 {
					wait.Go(func() {
						<-start
						w := s.send(c.own[0], c.own[1], strings.ReplaceAll(c.own[2], "@", seen[1:9]+string(rune('a'+i))), "If-Match", seen)
						mu.Lock()
						defer mu.Unlock()
						statuses[min(w.Code, 300)]++
						if w.Code >= 300 {
							statuses[w.Code]++
						}
					})
				}
				close(start)
				wait.Wait()
				succeeded := 6 - statuses[300]
				if name == "state" {
					s.must(t, "POST", dev+"/off", "")
				}
				require.Equal(t, 1, succeeded, "%v", statuses)
				require.Equal(t, 5, statuses[412]+statuses[404], "%v", statuses)
			}
		})
	}
}

// TestIfMatchWaitsForOthers holds another's change open, made without a condition and below the root, while a
// conditional one arrives.
func TestIfMatchWaitsForOthers(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.must(t, "POST", fs, `{"name":"f1"}`)
	s.must(t, "POST", dev+"/strategies", `{"name":"default"}`)
	for name, statement := range map[string]string{
		"adding a row":   `INSERT INTO feature_strategies (id, feature, environment, strategy_name) VALUES (gen_random_uuid(), 'f1', 'development', 'default')`,
		"changing a row": `UPDATE feature_strategies SET title = 'theirs ' || id WHERE feature = 'f1' AND environment = 'development'`,
		"removing rows":  `DELETE FROM feature_strategies WHERE feature = 'f1'`,
	} {
		seen := s.tag(t, dev)
		tx, err := s.Pool.Begin(t.Context())
		require.NoError(t, err)
		_, err = tx.Exec(t.Context(), statement)
		require.NoError(t, err, name)
		answer := make(chan int)
		go func() { answer <- s.send("POST", dev+"/on", "", "If-Match", seen).Code }()
		s.awaitLock(t)
		require.NoError(t, tx.Commit(t.Context()))
		require.Equal(t, 412, <-answer, name)
	}
}

// awaitLock returns when some transaction waits for another's lock.
func (s *server) awaitLock(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for waiting := false; !waiting; {
		require.NoError(t, s.Pool.QueryRow(ctx, `SELECT EXISTS (SELECT FROM pg_stat_activity
			WHERE datname = current_database() AND wait_event_type = 'Lock')`).Scan(&waiting))
	}
}
