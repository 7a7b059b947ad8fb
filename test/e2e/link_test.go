package e2e

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/api/link"
	"github.com/pennonhq/pennon/db/dbtest"
	"github.com/pennonhq/pennon/replica"
	"github.com/pennonhq/pennon/server"
	"github.com/pennonhq/pennon/token"
)

// linkedEdge is an edge on a link: what it is sent of each scope it folds as an SDK does.
type linkedEdge struct {
	t      *testing.T
	tokens []string // of the scopes, by ID
	ws     *websocket.Conn

	cursor string
	scopes map[int]*sdk
	places map[int]link.ScopeEvents // what each scope is
	began  string                   // the cursor that the history in log begins at
	log    []link.LogRow
	others []link.FromServer

	resumes int
}

func newLinkedEdge(t *testing.T, tokens ...string) *linkedEdge {
	t.Helper()
	e := &linkedEdge{t: t, tokens: tokens, scopes: map[int]*sdk{}, places: map[int]link.ScopeEvents{}}
	for id := range tokens {
		e.scopes[id] = newSDK("", "")
	}
	t.Cleanup(func() {
		if e.ws != nil {
			_ = e.ws.Close()
		}
	})
	return e
}

// connect opens a link to the server and goes on from what the edge holds.
func (e *linkedEdge) connect(r *running) error {
	if e.ws != nil {
		_ = e.ws.Close()
	}
	ws, response, err := websocket.DefaultDialer.Dial(strings.Replace(r.URL(), "http", "ws", 1)+link.Path, http.Header{"Authorization": {e.tokens[0]}})
	if err != nil {
		return err
	}
	e.ws = ws
	hello := link.FromEdge{Type: link.TypeHello, AppName: "edge", InstanceID: "e2e", Cursor: e.cursor}
	for id, secret := range e.tokens {
		s := link.Subscription{ID: id, Token: secret}
		if place, known := e.places[id]; known {
			s.Held, s.Environment, s.Projects = true, place.Environment, place.Projects
		}
		hello.Scopes = append(hello.Scopes, s)
	}
	return errors.Join(response.Body.Close(), ws.WriteJSON(hello))
}

func (e *linkedEdge) read(deadline time.Time) (link.FromServer, error) {
	var frame link.FromServer
	_ = e.ws.SetReadDeadline(deadline)
	if err := e.ws.ReadJSON(&frame); err != nil {
		return frame, err
	}
	if frame.Type != link.TypeChanges {
		e.others = append(e.others, frame)
		return frame, nil
	}
	if frame.Log == nil {
		e.began, e.log = frame.Cursor, nil
	} else {
		e.resumes++
	}
	e.cursor, e.log = frame.Cursor, append(e.log, frame.Log...)
	for _, s := range frame.Scopes {
		e.places[s.ID] = s
		if err := e.scopes[s.ID].apply("unleash-updated", frame.Cursor, `{"events":`+string(s.Events)+`}`); err != nil {
			return frame, err
		}
	}
	return frame, e.ws.WriteJSON(link.FromEdge{Type: link.TypeAck, Cursor: frame.Cursor})
}

// next reads on to the next frame of that type.
func (e *linkedEdge) next(kind string) link.FromServer {
	e.t.Helper()
	for {
		frame, err := e.read(time.Now().Add(patience))
		require.NoError(e.t, err)
		if frame.Type == kind {
			return frame
		}
	}
}

func TestALinkBringsCommitsAndTheEndOfTokens(t *testing.T) {
	t.Parallel()
	database := dbtest.New(t)
	r := start(t, database, func(c *server.Config) { c.ClientTokens = []string{clientToken, productionToken} })
	r.createFlag("hello")
	var made struct{ Secret string }
	require.NoError(t, json.Unmarshal(r.admin(http.StatusCreated, http.MethodPost, "/api-tokens", map[string]any{
		"tokenName": "edge", "type": "client", "environment": "development", "projects": []string{"default"},
	}).body, &made))
	e := newLinkedEdge(t, clientToken, productionToken, made.Secret)
	require.NoError(t, e.connect(r))
	for _, scope := range e.scopes { // the server reads flags and tokens a moment after the Admin API has answered
		for scope.snapshot().features["hello"].Name == "" {
			e.next(link.TypeChanges)
		}
	}

	_, err := database.Pool.Exec(t.Context(), `UPDATE feature_environments SET enabled = false WHERE feature = 'hello' AND environment = 'development'`)
	require.NoError(t, err)
	frame := e.next(link.TypeChanges)
	for len(frame.Scopes) == 0 { // only moves the cursor
		frame = e.next(link.TypeChanges)
	}
	require.Len(t, frame.Scopes, 2)
	require.True(t, isOff("hello")(e.scopes[0].snapshot()))
	require.True(t, isOff("hello")(e.scopes[2].snapshot()))
	require.WithinDuration(t, time.Now(), *frame.At, patience)

	sum, frontend := token.Hash(made.Secret), token.Hash(frontendToken)
	require.NoError(t, e.ws.WriteJSON(link.FromEdge{Type: link.TypeWatch, Tokens: []string{
		link.Watched(sum, &token.Token{Kind: token.Client, Scope: token.NewScope("development", "default")}),
		link.Watched(frontend, &token.Token{Kind: token.Frontend, Scope: token.NewScope("development", token.All)}),
		link.Watched(token.Hash("nobody's"), nil),
	}}))
	require.Equal(t, link.Unknown, e.next(link.TypeToken).State)
	r.admin(http.StatusOK, http.MethodDelete, "/api-tokens/"+made.Secret, nil)
	refused := e.next(link.TypeRefused)
	require.Equal(t, 2, refused.ID)
	require.Equal(t, http.StatusUnauthorized, refused.Status)
	told := e.next(link.TypeToken)
	require.Equal(t, link.Revoked, told.State)
	require.Equal(t, hex.EncodeToString(sum[:]), told.Hash)

	_, err = database.Pool.Exec(t.Context(), `UPDATE feature_environments SET enabled = true WHERE feature = 'hello' AND environment = 'development'`)
	require.NoError(t, err)
	for !isOn("hello")(e.scopes[0].snapshot()) {
		e.next(link.TypeChanges)
	}
	require.True(t, isOff("hello")(e.scopes[2].snapshot()), "the scope has left")

	_, err = database.Pool.Exec(t.Context(), `UPDATE api_tokens SET all_projects = false WHERE secret = $1`, frontendToken)
	require.NoError(t, err)
	require.Equal(t, link.Changed, e.next(link.TypeToken).State)

	r.cancel() // it goes down
	require.Positive(t, e.next(link.TypeRetry).Data)
	_, err = e.read(time.Now().Add(patience))
	require.True(t, websocket.IsCloseError(err, 4000), "%v", err)
}

// TestNothingIsLostOnLinks has writers commit at the same time while edges roam between two servers, and come back with what
// they held. In the end every scope holds what SQL says, and every row of the change log was told, once and in order.
func TestNothingIsLostOnLinks(t *testing.T) {
	t.Parallel()
	database := dbtest.New(t)
	writers := dbtest.Writers{URL: database.DSN, Count: 8, Flags: 30, Rollback: 0.15, Seed: 7}
	require.NoError(t, writers.Create(t.Context(), database))
	scatter(t, database, writers.Flags)
	tokens := []string{clientToken, "default:development.link-1", "other:development.link-2", "*:production.link-3"}
	withTokens := func(c *server.Config) { c.ClientTokens = tokens }
	nodes := []*running{start(t, database, withTokens), start(t, database, withTokens)}

	writing, stop := context.WithTimeout(t.Context(), 1500*time.Millisecond)
	defer stop()
	var edges []*linkedEdge
	var roaming sync.WaitGroup
	for n := range 3 {
		e := newLinkedEdge(t, tokens...)
		edges = append(edges, e)
		roaming.Go(func() {
			for writing.Err() == nil {
				if err := e.connect(nodes[rand.IntN(len(nodes))]); err != nil {
					t.Errorf("edge %d: %v", n, err)
					return
				}
				until := time.Now().Add(time.Duration(50+rand.IntN(300)) * time.Millisecond)
				for {
					if _, err := e.read(until); err != nil {
						break // the time is over
					}
				}
			}
		})
	}
	_, err := writers.Run(writing)
	require.NoError(t, err)
	roaming.Wait()

	var head int64
	require.NoError(t, database.Pool.QueryRow(t.Context(), `SELECT max(revision) FROM change_log`).Scan(&head))
	resumes := 0
	for n, e := range edges {
		require.NoError(t, e.connect(nodes[n%2]))
		for at, _ := replica.ParseCursor(e.cursor); at.Revision < head; at, _ = replica.ParseCursor(e.cursor) {
			e.next(link.TypeChanges)
		}
		for id, scope := range e.scopes {
			require.Empty(t, sameFlags(sqlTruth(t, database, tokens[id]), scope.snapshot().features), "edge %d, scope %d", n, id)
			require.Empty(t, scope.problems)
		}
		began, _ := replica.ParseCursor(e.began)
		require.Equal(t, logSince(t, database, began.Revision), cursorsOf(e.log), "edge %d", n)
		resumes += e.resumes
	}
	require.Positive(t, resumes, "no edge ever resumed: the test tests nothing")
	t.Logf("%d frames with a log", resumes)
}

// logSince is the change log after a revision.
func logSince(t *testing.T, database *dbtest.Database, revision int64) []string {
	t.Helper()
	rows, err := database.Pool.Query(t.Context(), `SELECT revision || '-' || left(mark::text, 8) FROM change_log WHERE revision > $1 ORDER BY revision`, revision)
	require.NoError(t, err)
	log, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	require.NotEmpty(t, log)
	return log
}

func cursorsOf(log []link.LogRow) []string {
	cursors := make([]string, 0, len(log))
	for _, row := range log {
		cursors = append(cursors, replica.Cursor(row).String())
	}
	return cursors
}
