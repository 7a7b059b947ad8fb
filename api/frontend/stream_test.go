package frontend_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/api/frontend"
	"github.com/pennonhq/pennon/eval"
	"github.com/pennonhq/pennon/sse"
)

func TestStreamsBringWhatChangesForTheirContext(t *testing.T) {
	t.Parallel()
	s := newStreaming(t, sse.Config{}, nil, open("a", "mine"), open("theirs", "theirs"))
	query := s.listen(t, http.MethodGet, frontend.PathStream+"?userId=1&sessionId=s", "", "Authorization", "mine")
	posted := s.listen(t, http.MethodPost, frontend.PathStream, `{"context":{"userId":"2"}}`, "Authorization", "Bearer all")
	event, data, _ := query.next()
	require.Equal(t, "hydration", event)
	_, list := s.read(t, http.MethodGet, "/api/frontend?userId=1&sessionId=s", "", "Authorization", "mine")
	require.Equal(t, list, data, "as GET /api/frontend answers")
	posted.next()
	require.Contains(t, posted.held, "theirs")

	s.put(only("a", "mine", "1"))
	event, data, _ = posted.next()
	require.Equal(t, "update", event)
	require.Equal(t, `{"updated":[],"removed":["a"]}`, data) //nolint:testifylint // byte for byte
	s.put(open("theirs2", "theirs"))
	s.put(open("last", "mine"))
	query.until("last")
	require.Equal(t, 2, query.events, "nothing was sent of what is no concern of it")
	require.NotContains(t, query.raw.String(), "theirs")
}

func TestSomeFlagsCanBeStreamed(t *testing.T) {
	t.Parallel()
	s := newStreaming(t, sse.Config{}, nil, open("a", "mine"), open("b", "mine"))
	l := s.listen(t, http.MethodPost, frontend.PathStream, `{"toggles":["b","c"]}`, "Authorization", "mine")
	l.next()
	s.put(only("a", "mine"))
	s.put(open("c", "mine"))
	l.until("c")
	require.Equal(t, 2, l.events)
	require.NotContains(t, l.held, "a")
}

func TestStreamsResumeByID(t *testing.T) {
	t.Parallel()
	s := newStreaming(t, sse.Config{}, nil, open("a", "mine"))
	path := frontend.PathStream + "?userId=1&sessionId=s"
	l := s.listen(t, http.MethodGet, path, "", "Authorization", "mine")
	l.next()
	for _, resumed := range []*listener{
		s.listen(t, http.MethodGet, path, "", "Authorization", "mine", "Last-Event-ID", l.id),
		s.listen(t, http.MethodGet, path+"&lastEventId="+url.QueryEscape(l.id), "", "Authorization", "mine"),
	} {
		resumed.held = map[string]string{}
		s.put(only("b", "mine", "1"))
		event, _, _ := resumed.next()
		require.Equal(t, "update", event, "there was nothing to say before")
		require.NotContains(t, resumed.held, "a")
		s.put(only("b", "mine"))
		resumed.next()
	}
	stale := s.listen(t, http.MethodGet, path, "", "Authorization", "mine", "Last-Event-ID", "7-0000000a.00000000deadbeef")
	event, _, _ := stale.next()
	require.Equal(t, "hydration", event)
}

func TestTicketsOpenStreamsForTheirContext(t *testing.T) {
	t.Parallel()
	s := newStreaming(t, sse.Config{}, nil, only("one", "mine", "someone@example.com"), only("theirs", "theirs", "someone@example.com"), open("all", "mine"))
	sealed := s.ticket(t, "mine", `{"context":{"userId":"someone@example.com","properties":{"plan":"pro"}},"toggles":["one"]}`)
	require.NotContains(t, sealed, "example")
	l := s.listen(t, http.MethodGet, frontend.PathStream+"?userId=ignored&ticket="+sealed, "")
	l.next()
	require.Len(t, l.held, 1)
	require.Contains(t, l.held, "one")

	ws, answer, err := websocket.DefaultDialer.DialContext(t.Context(), "ws"+strings.TrimPrefix(s.server.URL, "http")+frontend.PathWebSocket+"?ticket="+sealed, nil)
	require.NoError(t, err)
	defer func() { _ = ws.Close() }()
	_ = answer.Body.Close()
	var message struct {
		Event, ID string
		Data      struct{ Toggles []json.RawMessage }
	}
	require.NoError(t, ws.ReadJSON(&message))
	require.Equal(t, "hydration", message.Event)
	require.Equal(t, l.id, message.ID)
	require.Len(t, message.Data.Toggles, 1)

	// The context has the same session each time, so that the stream can be resumed.
	anonymous := s.ticket(t, "mine", "")
	first := s.listen(t, http.MethodGet, frontend.PathStream+"?ticket="+anonymous, "")
	first.next()
	require.Contains(t, first.held, "all")
}

func TestTicketsOpenNothingElse(t *testing.T) {
	t.Parallel()
	s := newStreaming(t, sse.Config{}, nil, open("a", "mine"))
	sealed := s.ticket(t, "mine", "{}")
	refused := func(path string) {
		status, text := s.read(t, http.MethodGet, path, "")
		require.Equal(t, http.StatusUnauthorized, status, text)
	}
	refused(frontend.PathStream + "?ticket=" + sealed[:len(sealed)-2])
	refused(frontend.PathStream + "?ticket=nonsense")
	refused(frontend.PathStream + "?ticket=" + s.keys.Seal("another purpose", []byte(`{"s":"mine","e":9999999999999,"c":{}}`)))
	refused(frontend.PathStream + "?ticket=" + s.keys.Seal("frontend-stream", []byte(`{"s":"mine","e":1000,"c":{}}`))) // expired
	refused(frontend.PathStream)
	refused("/api/frontend?ticket=" + sealed)
	status, _ := s.read(t, http.MethodPost, frontend.PathTicket, "{}")
	require.Equal(t, http.StatusUnauthorized, status)
	status, _ = s.read(t, http.MethodPost, frontend.PathTicket, `{"context":{"userId":"`+strings.Repeat("x", 5000)+`"}}`, "Authorization", "mine")
	require.Equal(t, http.StatusRequestEntityTooLarge, status)

	l := s.listen(t, http.MethodGet, frontend.PathStream+"?ticket="+sealed, "")
	l.next()
	s.mu.Lock()
	s.revoked["mine"] = true
	s.mu.Unlock()
	s.hub.CloseKey("mine", sse.Revoked)
	_, _, ok := l.next()
	require.False(t, ok, "the stream ends with its token")
	refused(frontend.PathStream + "?ticket=" + sealed)
}

func TestStreamsAreRefused(t *testing.T) {
	t.Parallel()
	s := newStreaming(t, sse.Config{MaxStreamsPerKey: 1}, nil, open("a", "mine"))
	status, _ := s.read(t, http.MethodGet, frontend.PathStream, "", "Authorization", "gone")
	require.Equal(t, http.StatusServiceUnavailable, status)
	status, text := s.read(t, http.MethodPost, frontend.PathStream, `{"context":{"properties":{"x":"`+strings.Repeat("x", 9000)+`"}}}`, "Authorization", "mine")
	require.Equal(t, http.StatusRequestEntityTooLarge, status, text)
	status, _ = s.read(t, http.MethodPost, frontend.PathStream, `{"context":[]}`, "Authorization", "mine")
	require.Equal(t, http.StatusBadRequest, status)
	status, _ = s.read(t, http.MethodGet, frontend.PathWebSocket, "", "Authorization", "mine")
	require.Equal(t, http.StatusBadRequest, status)
	s.listen(t, http.MethodGet, frontend.PathStream, "", "Authorization", "mine").next()
	answer := s.send(t, http.MethodGet, frontend.PathStream, "", "Authorization", "mine", "Origin", "https://app.example.com")
	require.Equal(t, http.StatusTooManyRequests, answer.StatusCode)
	require.NotEmpty(t, answer.Header.Get("Retry-After"))
	require.NotEmpty(t, answer.Header.Get("Access-Control-Allow-Origin"))
}

func TestStreamsAreToldWhenADateComes(t *testing.T) {
	t.Parallel()
	s := newStreaming(t, sse.Config{}, nil, open("a", "mine"))
	l := s.listen(t, http.MethodGet, frontend.PathStream+"?userId=1&sessionId=s", "", "Authorization", "mine")
	l.next()
	at := time.Now().Add(300 * time.Millisecond)
	text := at.UTC().Format(time.RFC3339Nano)
	dated := open("dated", "mine")
	dated.Strategies[0].Constraints = []eval.Constraint{{ContextName: "currentTime", Operator: "DATE_AFTER", Value: &text}}
	s.put(dated)
	l.until("dated")
	require.False(t, time.Now().Before(at))
	require.Equal(t, 2, l.events)
}
