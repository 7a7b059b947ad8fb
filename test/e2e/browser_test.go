package e2e

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/db/dbtest"
)

// browser is a client of the frontend's stream, as EventSource is one.
type browser struct {
	t      *testing.T
	lines  *bufio.Scanner
	id     string
	events []string // "event data", in order
}

// watch opens the stream with a ticket. id is that of the last event of an earlier stream, empty for none.
func watch(t *testing.T, r *running, ticket, id string) *browser {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, r.URL()+"/api/frontend/stream?ticket="+ticket, nil)
	require.NoError(t, err)
	if id != "" {
		request.Header.Set("Last-Event-ID", id)
	}
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	t.Cleanup(func() { _ = response.Body.Close() })
	require.Equal(t, http.StatusOK, response.StatusCode)
	return &browser{t: t, lines: bufio.NewScanner(response.Body)}
}

// next is the next event; ok is false at the end of the stream.
func (b *browser) next() (event string, ok bool) {
	b.t.Helper()
	for b.lines.Scan() {
		field, text, _ := strings.Cut(b.lines.Text(), ": ")
		switch field {
		case "id":
			b.id = text
		case "event":
			event = text
		case "data":
			event += " " + text
			b.events = append(b.events, event)
			return event, true
		}
	}
	return "", false
}

// until reads up to an event that contains text.
func (b *browser) until(text string) {
	b.t.Helper()
	for {
		event, ok := b.next()
		require.True(b.t, ok, "the stream ended after %q", b.events)
		if strings.Contains(event, text) {
			return
		}
	}
}

// ticketFor asks a server for a ticket.
func ticketFor(t *testing.T, r *running, userID string) string {
	t.Helper()
	answer := r.call(http.MethodPost, "/api/frontend/stream/ticket", frontendToken, map[string]any{"context": map[string]any{"userId": userID}})
	require.Equal(t, http.StatusOK, answer.status, string(answer.body))
	var issued struct{ Ticket string }
	require.NoError(t, json.Unmarshal(answer.body, &issued))
	return issued.Ticket
}

func TestBrowserStreams(t *testing.T) {
	t.Parallel()
	t.Run("GoOnAtAnotherNodeAndAfterARestart", func(t *testing.T) {
		t.Parallel()
		database := dbtest.New(t)
		one, two := start(t, database), start(t, database)
		one.createFlag("hello")
		ticket := ticketFor(t, one, "someone")
		at := watch(t, one, ticket, "")
		if at.next(); !strings.Contains(at.events[0], "hello") {
			at.until("hello")
		}
		elsewhere := watch(t, two, ticket, "")
		if elsewhere.next(); !strings.Contains(elsewhere.events[0], "hello") {
			elsewhere.until("hello")
		}
		require.Equal(t, hashIn(at.id), hashIn(elsewhere.id), "equal output has an equal hash everywhere")

		moved := watch(t, two, ticket, at.id)
		one.stop()
		again := start(t, database)
		resumed := watch(t, again, ticket, at.id)
		again.createFlag("later")
		for _, b := range []*browser{moved, resumed} {
			b.until(`"name":"later"`)
			require.Len(t, b.events, 1, "what it had was not sent again")
			require.NotContains(t, b.events[0], "hello")
		}
	})

	t.Run("EndWithTheirToken", func(t *testing.T) {
		t.Parallel()
		r := start(t, dbtest.New(t))
		b := watch(t, r, ticketFor(t, r, "someone"), "")
		b.next()
		r.admin(http.StatusOK, http.MethodDelete, "/api-tokens/"+frontendToken, nil)
		_, ok := b.next()
		require.False(t, ok)
		answer := r.call(http.MethodGet, "/api/frontend/stream", frontendToken, nil)
		require.Equal(t, http.StatusUnauthorized, answer.status)
	})

	t.Run("FollowTheContextOnly", func(t *testing.T) {
		t.Parallel()
		r := start(t, dbtest.New(t))
		r.createFlag("hello")
		b := watch(t, r, ticketFor(t, r, "someone"), "")
		if b.next(); !strings.Contains(b.events[0], "hello") {
			b.until("hello")
		}
		seen := len(b.events)
		r.admin(http.StatusOK, http.MethodPost, "/projects/default/features/hello/environments/production/on", nil)
		r.admin(http.StatusOK, http.MethodPost, "/projects/default/features/hello/environments/development/off", nil)
		b.until(`"removed":["hello"]`)
		require.Len(t, b.events, seen+1)
	})
}

// hashIn is the part of an id that names the output.
func hashIn(id string) string {
	_, hash, _ := strings.Cut(id, ".")
	return hash
}
