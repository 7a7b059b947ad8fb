//go:build unix

package sdk

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/db/dbtest"
	"github.com/pennonhq/pennon/server"
)

// TestSDKModes lets the real SDK live through what happens to servers and streams, each scenario on a server of its own.
func TestSDKModes(t *testing.T) {
	t.Parallel()
	for name, scenario := range map[string]string{
		"RegistersAndSendsMetrics":              "registers",
		"Polls":                                 "polls",
		"ResumesAfterACut":                      "resumes",
		"IsSentEverythingForAnIDOfNobody":       "rehydrates",
		"IsRefusedWithoutTheRightToken":         "refuses",
		"StopsWhenItMayNot":                     "stops",
		"LosesTheStreamOfARevokedToken":         "revokes",
		"SurvivesARestart":                      "restarts",
		"FollowsARollingDeployment":             "drains",
		"PollsWhileThereAreTooManyAndIsInvited": "sheds",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFleet(t)
			settings := f.server.settings()
			maps.Copy(settings, map[string]string{"PENNON_SCENARIOS": scenario})
			report := RunNode(t, "modes.mjs", settings, f.answers())
			require.NotEmpty(t, report.Checks)
		})
	}
}

// fleet is one or more servers on one database, at the command of a script.
type fleet struct {
	t        *testing.T
	database *dbtest.Database
	server   *running // the newest
	byURL    map[string]*running
	crowd    func() // ends what shed has opened
}

func newFleet(t *testing.T) *fleet {
	t.Helper()
	f := &fleet{t: t, database: dbtest.New(t), byURL: map[string]*running{}, crowd: func() {}}
	f.add(func(c *server.Config) { c.MaxStreams = maxStreams })
	t.Cleanup(func() { f.crowd() })
	return f
}

// maxStreams is how many streams a server of the fleet carries.
const maxStreams = 4

func (f *fleet) add(change ...func(*server.Config)) {
	f.server = start(f.t, f.database, change...)
	f.byURL[f.server.URL()] = f.server
}

func (f *fleet) answers() Answers {
	return Answers{"restart": f.restart, "join": f.join, "drain": f.drain, "shed": f.shed, "invite": f.invite}
}

// restart stops the server and starts another one in its place.
func (f *fleet) restart(json.RawMessage) (any, error) {
	if err := f.server.stop(); err != nil {
		return nil, err
	}
	port := f.server.port(f.t)
	f.add(func(c *server.Config) { c.Port = port })
	return nil, nil
}

// join starts a server beside those there are.
func (f *fleet) join(json.RawMessage) (any, error) {
	f.add()
	return map[string]string{"url": f.server.URL()}, nil
}

// drain stops the server at a URL.
func (f *fleet) drain(question json.RawMessage) (any, error) {
	var asked struct{ URL string }
	if err := json.Unmarshal(question, &asked); err != nil {
		return nil, err
	}
	leaving, ok := f.byURL[asked.URL]
	if !ok {
		return nil, fmt.Errorf("there is no server at %q", asked.URL)
	}
	return nil, leaving.stop()
}

// shed fills the server with streams, up to the first that is refused.
func (f *fleet) shed(json.RawMessage) (any, error) {
	ctx, cancel := context.WithCancel(f.t.Context())
	f.crowd = cancel
	for range maxStreams + 1 {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, f.server.URL()+"/api/client/streaming", nil)
		if err != nil {
			return nil, err
		}
		request.Header.Set("Authorization", clientToken)
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			return nil, err
		}
		f.t.Cleanup(func() { _ = response.Body.Close() })
		if response.StatusCode == http.StatusTooManyRequests {
			return nil, nil
		}
	}
	return nil, errors.New("the server refuses no stream")
}

// invite makes room again.
func (f *fleet) invite(json.RawMessage) (any, error) {
	f.crowd()
	return nil, nil
}
