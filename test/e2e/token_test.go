package e2e

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/db/dbtest"
	"github.com/pennonhq/pennon/server"
	"github.com/pennonhq/pennon/sse"
)

// TestStreamsAreToldWhatBecameOfTheirToken looks at WebSocket close codes: they say whether it is worth coming back.
func TestStreamsAreToldWhatBecameOfTheirToken(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		statement string
		reason    sse.Reason
	}{
		"Deleted":                 {`DELETE FROM api_tokens WHERE secret = $1`, sse.Revoked},
		"Expired":                 {`UPDATE api_tokens SET expires_at = now() WHERE secret = $1`, sse.Expired},
		"ShowsOtherProjects":      {`UPDATE api_tokens SET all_projects = false WHERE secret = $1`, sse.Changed},
		"ExpiresAnotherTime":      {`UPDATE api_tokens SET expires_at = now() + interval '1 day' WHERE secret = $1`, sse.Changed},
		"ShowsAnotherEnvironment": {`UPDATE api_tokens SET environment = 'production' WHERE secret = $1`, sse.Changed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			database := dbtest.New(t)
			r := start(t, database)
			url := strings.Replace(r.URL(), "http", "ws", 1) + "/api/client/streaming/ws"
			socket, response, err := websocket.DefaultDialer.DialContext(t.Context(), url, http.Header{"Authorization": {clientToken}})
			require.NoError(t, err)
			require.NoError(t, response.Body.Close())
			defer func() { require.NoError(t, socket.Close()) }()
			require.NoError(t, socket.SetReadDeadline(time.Now().Add(patience)))
			_, _, err = socket.ReadMessage()
			require.NoError(t, err)

			_, err = database.Pool.Exec(t.Context(), test.statement, clientToken)
			require.NoError(t, err)
			_, _, err = socket.ReadMessage()
			require.True(t, websocket.IsCloseError(err, test.reason.Code()), "wanted %s, got %v", test.reason, err)
		})
	}
}

func TestATokenHasItsShareOfTheStreams(t *testing.T) {
	t.Parallel()
	const other = "*:development.e2e-other"
	r := start(t, dbtest.New(t), func(c *server.Config) {
		c.MaxStreamsPerToken = 1
		c.ClientTokens = append(c.ClientTokens, other)
	})
	follow(t, r, clientToken)
	require.Equal(t, http.StatusTooManyRequests, r.call(http.MethodGet, "/api/client/streaming", clientToken, nil).status)
	follow(t, r, other)
}
