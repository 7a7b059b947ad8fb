package ceiling_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/db/dbtest"
	"github.com/pennonhq/pennon/test/load/ceiling"
	"github.com/pennonhq/pennon/test/load/httpload"
	"github.com/pennonhq/pennon/test/load/seed"
	"github.com/pennonhq/pennon/test/load/swarm"
)

func TestMain(m *testing.M) { os.Exit(dbtest.Run(m)) }

func TestJSONServe(t *testing.T) {
	t.Parallel()
	body := bytes.Repeat([]byte(`{"features":[]}`), 1000)
	handler, err := ceiling.JSONServe(body)
	require.NoError(t, err)
	server := httptest.NewServer(handler)
	defer server.Close()
	get := func(header ...string) (httpload.Response, []byte) {
		response, body, err := httpload.Get(server.Listener.Addr().String(), httpload.Request{Method: "GET", Path: "/", Header: header})
		require.NoError(t, err)
		return response, body
	}

	response, plain := get()
	require.Equal(t, 200, response.Status)
	require.Equal(t, body, plain)

	_, compressed := get("Accept-Encoding: gzip")
	reader, err := gzip.NewReader(bytes.NewReader(compressed))
	require.NoError(t, err)
	unpacked, err := io.ReadAll(reader)
	require.NoError(t, err)
	require.Equal(t, body, unpacked)

	unchanged, none := get("If-None-Match: " + response.ETag)
	require.Equal(t, 304, unchanged.Status)
	require.Empty(t, none)
}

// subscribe runs a fan, serves the handler and connects a swarm to it.
func subscribe(t *testing.T, fan *ceiling.Fan, handler http.Handler, names []string) (context.Context, *httptest.Server, *swarm.Swarm) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(cancel)
	running, stop := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- fan.Run(running) }()
	t.Cleanup(func() {
		stop()
		require.ErrorIs(t, <-done, context.Canceled)
	})
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	subscribers, err := swarm.Connect(ctx, swarm.Options{
		Addr: netip.MustParseAddrPort(server.Listener.Addr().String()), Path: "/stream", Subscribers: 30, Flags: names,
	})
	require.NoError(t, err)
	t.Cleanup(subscribers.Close)
	return ctx, server, subscribers
}

func TestRawFanSendsAPublishedFrameToEveryStream(t *testing.T) {
	t.Parallel()
	flag := seed.MarkedFlags(1)[0]
	fan := ceiling.NewFan(2)
	ctx, server, subscribers := subscribe(t, fan, ceiling.RawFan(fan), []string{flag.Name})
	flag.Strategies[0].Parameters["groupId"] = "change-7"
	frame, err := seed.Delta(70, flag)
	require.NoError(t, err)

	arrived := subscribers.Watch(flag.Name, 7)
	response, err := http.Post(server.URL+"/publish", "text/event-stream", bytes.NewReader(frame))
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	require.Equal(t, http.StatusNoContent, response.StatusCode)
	require.Equal(t, 30, arrived(ctx).Reached)
	require.Zero(t, subscribers.Tally().Closed)
}

func TestRefPushSendsACommittedUpdateToEveryStream(t *testing.T) {
	t.Parallel()
	database := dbtest.New(t)
	flag := seed.MarkedFlags(1)[0]
	conn, err := pgx.Connect(t.Context(), database.DSN)
	require.NoError(t, err)
	defer func() { _ = conn.Close(context.Background()) }()
	_, err = conn.Exec(t.Context(), ceiling.RefPushSchema)
	require.NoError(t, err)
	strategies, err := json.Marshal(flag.Strategies)
	require.NoError(t, err)
	_, err = conn.Exec(t.Context(), "INSERT INTO refpush_flags (name, strategies) VALUES ($1, $2)", flag.Name, strategies)
	require.NoError(t, err)

	fan := ceiling.NewFan(2)
	push, err := ceiling.NewRefPush(t.Context(), database.DSN, fan)
	require.NoError(t, err)
	ctx, _, subscribers := subscribe(t, fan, push.Handler(), []string{flag.Name})
	running, stop := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- push.Run(running) }()
	defer func() {
		stop()
		require.ErrorIs(t, <-done, context.Canceled)
	}()

	for n := 1; n <= 3; n++ {
		arrived := subscribers.Watch(flag.Name, n)
		_, err = conn.Exec(ctx, `UPDATE refpush_flags SET strategies = jsonb_set(strategies, '{0,parameters,groupId}', to_jsonb('change-' || $1::int))`, n)
		require.NoError(t, err)
		require.Equal(t, 30, arrived(ctx).Reached)
	}
	tally := subscribers.Tally()
	require.Equal(t, 90, tally.Deliveries)
	require.Zero(t, tally.OutOfOrder+tally.Duplicates+tally.Closed)
}
