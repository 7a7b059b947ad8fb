//go:build unix

package sdk

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/pennonhq/pennon/db/dbtest"
	"github.com/pennonhq/pennon/edge"
	"github.com/pennonhq/pennon/server"
)

// maxStreams is how many streams a member of a fleet carries that can shed them.
const maxStreams = 8

// serving is what SDKs talk to: a server or an edge.
type serving interface {
	URL() string
	stop() error
}

// fleet is one or more servers on one database, or one or more edges, at the command of a script.
type fleet struct {
	t        *testing.T
	join     func(port int) serving // starts another one; port 0 is any
	adminURL func() string          // where the Admin API is
	target   string                 // whose it is; empty: ours
	newest   serving
	byURL    map[string]serving
	crowd    func() // ends what shed has opened
}

// newServers is a fleet of servers.
func newServers(t *testing.T, change ...func(*server.Config)) *fleet {
	t.Helper()
	database := dbtest.New(t)
	f := &fleet{t: t, join: func(port int) serving {
		return start(t, database, append(change, func(c *server.Config) { c.Port = port })...)
	}}
	f.adminURL = func() string { return f.newest.URL() }
	return f.begin()
}

// newEdges is a fleet of edges in front of what is at upstream. Flags are changed at adminURL.
func newEdges(t *testing.T, adminURL, upstream string, change ...func(*edge.Config)) *fleet {
	t.Helper()
	f := &fleet{t: t, adminURL: func() string { return adminURL }, join: func(port int) serving {
		return startEdge(t, upstream, true, append(change, func(c *edge.Config) { c.Port = port })...)
	}}
	return f.begin()
}

func (f *fleet) begin() *fleet {
	f.byURL, f.crowd = map[string]serving{}, func() {}
	f.add(0)
	f.t.Cleanup(func() { f.crowd() })
	return f
}

func (f *fleet) add(port int) {
	f.newest = f.join(port)
	f.byURL[f.newest.URL()] = f.newest
}

// settings are the environment variables that tell a script about the fleet.
func (f *fleet) settings() map[string]string {
	settings := settingsFor(f.newest.URL())
	settings["PENNON_ADMIN_URL"] = f.adminURL()
	if f.target != "" {
		settings["PENNON_TARGET"] = f.target
	}
	return settings
}

func (f *fleet) answers() Answers {
	return Answers{"restart": f.restart, "join": f.another, "drain": f.drain, "shed": f.shed, "invite": f.invite}
}

// restart stops the newest and starts another one in its place.
func (f *fleet) restart(json.RawMessage) (any, error) {
	if err := f.newest.stop(); err != nil {
		return nil, err
	}
	f.add(portOf(f.t, f.newest.URL()))
	return nil, nil
}

// another starts one beside those there are.
func (f *fleet) another(json.RawMessage) (any, error) {
	f.add(0)
	return map[string]string{"url": f.newest.URL(), "adminUrl": f.adminURL()}, nil
}

// drain stops the one at a URL.
func (f *fleet) drain(question json.RawMessage) (any, error) {
	var asked struct{ URL string }
	if err := json.Unmarshal(question, &asked); err != nil {
		return nil, err
	}
	leaving, ok := f.byURL[asked.URL]
	if !ok {
		return nil, fmt.Errorf("nobody serves at %q", asked.URL)
	}
	return nil, leaving.stop()
}

// shed fills the newest with streams until it refuses one. Those that others leave behind make room for more.
func (f *fleet) shed(json.RawMessage) (any, error) {
	ctx, cancel := context.WithCancel(f.t.Context())
	f.crowd = cancel
	deadline := time.Now().Add(patience)
	for opened := 0; time.Now().Before(deadline); {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, f.newest.URL()+"/api/client/streaming", nil)
		if err != nil {
			return nil, err
		}
		request.Header.Set("Authorization", clientToken)
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			return nil, err
		}
		f.t.Cleanup(func() { _ = response.Body.Close() })
		switch {
		case response.StatusCode == http.StatusOK:
			opened++
		case response.StatusCode == http.StatusTooManyRequests && opened == maxStreams:
			return nil, nil
		case response.StatusCode != http.StatusTooManyRequests:
			return nil, fmt.Errorf("a stream is answered with %s", response.Status)
		}
		if opened > maxStreams {
			return nil, errors.New("no stream is refused")
		}
	}
	return nil, errors.New("no room for streams")
}

// invite makes room again.
func (f *fleet) invite(json.RawMessage) (any, error) {
	f.crowd()
	return nil, nil
}
