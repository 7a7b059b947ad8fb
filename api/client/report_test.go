package client

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/api"
	"github.com/pennonhq/pennon/fault"
	"github.com/pennonhq/pennon/replica"
	"github.com/pennonhq/pennon/token"
	"github.com/pennonhq/pennon/usage"
)

// unreachable is a token check that fails for the secret "down" as a lost database makes it.
type unreachable struct{ tokens }

func (t unreachable) Token(ctx context.Context, secret string) (*token.Token, error) {
	if secret == "down" {
		return nil, fault.New(fault.Unavailable, "The token cannot be checked at the moment. Try again.")
	}
	return t.tokens.Token(ctx, secret)
}

// reporting is the client API with a buffer behind it.
type reporting struct {
	handler http.Handler
	buffer  *usage.Buffer
}

func newReporting(options ...func(*Dependencies)) *reporting {
	logger := slog.New(slog.DiscardHandler)
	known := unreachable{tokens{
		"default":  clientToken("1", "development", "default"),
		"two":      clientToken("3", "production", "default", "p2"),
		"frontend": {ID: "5", Kind: token.Frontend, Scope: token.NewScope("development", "*")},
		"admin":    {ID: "6", Kind: token.Admin},
	}}
	s := &reporting{buffer: usage.NewBuffer()}
	surface := api.New(api.Config{}, logger)
	surface.Guard("/api/client", api.RequireToken(known, token.Client))
	dependencies := Dependencies{Store: replica.NewStore(logger), Usage: s.buffer, Tokens: known}
	for _, option := range options {
		option(&dependencies)
	}
	Register(surface.Router, dependencies)
	RegisterEdge(surface.Router, dependencies)
	s.handler = surface
	return s
}

// post sends body to path as JSON unless a header pair says otherwise; an empty value leaves a header out.
func (s *reporting) post(t *testing.T, path, secret, body string, header ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	if secret != "" {
		r.Header.Set("Authorization", secret)
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header[header[i]] = []string{header[i+1]}
		if header[i+1] == "" {
			delete(r.Header, header[i])
		}
	}
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	return w
}

// accepted requires 202 without a body and returns what was recorded.
func (s *reporting) accepted(t *testing.T, path, secret, body string, header ...string) usage.Batch {
	t.Helper()
	w := s.post(t, path, secret, body, header...)
	require.Equal(t, http.StatusAccepted, w.Code, w.Body.String())
	require.Empty(t, w.Body.Bytes())
	return s.buffer.Take()
}

// instance requires that exactly one was recorded and returns it.
func instance(t *testing.T, batch usage.Batch) usage.Instance {
	t.Helper()
	require.Len(t, batch.Instances, 1)
	for _, i := range batch.Instances {
		require.WithinDuration(t, time.Now(), i.SeenAt, time.Minute)
		i.SeenAt = time.Time{}
		return i
	}
	return usage.Instance{}
}

// begin is when the reports of the tests begin.
var begin = time.Now().Add(-90 * time.Minute).UTC().Truncate(time.Second)

const (
	register = "/api/client/register"
	metrics  = "/api/client/metrics"
	bulk     = "/api/client/metrics/bulk"
	validity = "/edge/validate"
)

func bucket(toggles string) string {
	return fmt.Sprintf(`{"appName":"app1","instanceId":"i1","bucket":{"start":"%s","stop":"%s","toggles":%s}}`,
		begin.Format(time.RFC3339), begin.Add(time.Minute).Format(time.RFC3339), toggles)
}

func counts(flag string, count usage.Count) map[usage.Key]usage.Count {
	return map[usage.Key]usage.Count{{Feature: flag, App: "app1", Environment: "development", Hour: usage.Hour(begin)}: count}
}

func TestRegister(t *testing.T) {
	t.Parallel()
	s := newReporting()
	got := instance(t, s.accepted(t, register, "default", `{"appName":"app1","instanceId":"i1","connectionId":"c1",
		"sdkVersion":"unleash-client-node:6.0.0","environment":"x","strategies":["default","flexibleRollout"],"started":"2026-11-22T03:00:00.000Z",
		"interval":10000,"platformName":"node","platformVersion":"20","yggdrasilVersion":null,"specVersion":"5.1.9","unknown":{"a":1}}`))
	require.Equal(t, usage.Instance{
		InstanceKey:  usage.InstanceKey{App: "app1", Environment: "development", ID: "i1"},
		ConnectionID: "c1", SDKVersion: "unleash-client-node:6.0.0", SDKType: "backend", PlatformName: "node", PlatformVersion: "20",
		SpecVersion: "5.1.9", ClientIP: "192.0.2.1", Started: time.Date(2026, 11, 22, 3, 0, 0, 0, time.UTC), Strategies: []string{"default", "flexibleRollout"},
	}, got)

	got = instance(t, s.accepted(t, register, "two", `{"appName":"app1","started":1700000000000,"interval":"10","strategies":[]}`,
		"Unleash-Sdk", "go:1\xff", "Unleash-Connection-Id", "c2", "Content-Type", "application/json; charset=utf-8"))
	require.Equal(t, usage.InstanceKey{App: "app1", Environment: "production", ID: "default"}, got.InstanceKey)
	require.Equal(t, "go:1", got.SDKVersion, "a header may be anything, the database takes UTF-8 only")
	require.Equal(t, "c2", got.ConnectionID)
	require.True(t, time.UnixMilli(1700000000000).Equal(got.Started))

	got = instance(t, s.accepted(t, register, "default", `{"appName":123,"instanceId":null,"started":null,"interval":null,"strategies":null}`))
	require.Equal(t, "123", got.App)
	require.Equal(t, "default", got.ID)

	got = instance(t, s.accepted(t, register, "default", `{"appName":"a\u0000b\ud800","started":-8640000000000000,"interval":0,
		"strategies":["a\u0000",`+strings.Repeat(`"x",`, 10_000)+`"y"],"sdkVersion":"`+strings.Repeat("é", 10_000)+`","platformVersion":`+strings.Repeat("1", 10_000)+`}`))
	require.Equal(t, "ab\ufffd", got.App)
	require.True(t, got.Started.IsZero(), "no database has such a year")
	require.Equal(t, strings.Repeat("é", 250), got.SDKVersion)
	require.Len(t, got.PlatformVersion, 500)
	require.Len(t, got.Strategies, 100)
	require.Equal(t, "a", got.Strategies[0])
}

func TestMetrics(t *testing.T) {
	t.Parallel()
	s := newReporting()
	for name, test := range map[string]struct {
		toggles string
		want    usage.Count
	}{
		"as SDKs send them": {`{"f1":{"yes":5,"no":2,"variants":{"a":3,"disabled":2}}}`, usage.Count{Yes: 5, No: 2, Variants: map[string]int64{"a": 3, "disabled": 2}}},
		"numbers as text":   {`{"f1":{"yes":"5","no":"2e0"}}`, usage.Count{Yes: 5, No: 2}},
		"nulls and nothing": {`{"f1":{"yes":null,"variants":null}}`, usage.Count{}},
		"equal once stored": {`{"f1":{"yes":1},"f1\u0000":{"yes":2}}`, usage.Count{Yes: 3}},
		"nameless":          {`{"f1":{"yes":1},"":{"yes":2}}`, usage.Count{Yes: 1}},
	} {
		batch := s.accepted(t, metrics, "default", bucket(test.toggles))
		require.Equal(t, counts("f1", test.want), batch.Counts, name)
		require.Equal(t, "i1", instance(t, batch).ID, name)
	}
	for name, body := range map[string]string{
		"no bucket":   `{"appName":"x"}`,
		"null bucket": `{"appName":"x","bucket":null}`,
		"no toggles":  bucket(`{}`),
	} {
		batch := s.accepted(t, metrics, "default", body)
		require.Empty(t, batch.Counts, name)
		require.Len(t, batch.Instances, 1, name)
	}

	var many strings.Builder
	for i := range 10_000 {
		fmt.Fprintf(&many, `"flag-%d":{"yes":%d,"no":1},`, i, i)
	}
	batch := s.accepted(t, metrics, "default", bucket("{"+strings.TrimSuffix(many.String(), ",")+"}"))
	require.Len(t, batch.Counts, 10_000)
	require.Equal(t, usage.Count{Yes: 9999, No: 1}, batch.Counts[usage.Key{Feature: "flag-9999", App: "app1", Environment: "development", Hour: usage.Hour(begin)}])
}

func TestMetricsOfBrokenClocksAreBookedNow(t *testing.T) {
	t.Parallel()
	s := newReporting()
	for _, start := range []string{`0`, `"0000-01-01T00:00:00Z"`, `"9999-01-01T00:00:00Z"`, `8640000000000000`, `-8640000000000000`, `null`} {
		before := usage.Hour(time.Now())
		batch := s.accepted(t, metrics, "default", `{"appName":"a","bucket":{"start":`+start+`,"stop":1,"toggles":{"f":{"yes":1}}}}`)
		require.Len(t, batch.Counts, 1)
		for key := range batch.Counts {
			require.Contains(t, []time.Time{before, usage.Hour(time.Now())}, key.Hour, start)
		}
	}
}

func TestBulkMetrics(t *testing.T) {
	t.Parallel()
	s := newReporting()
	at := begin.Format(time.RFC3339)
	metric := func(environment string, yes int) string {
		return fmt.Sprintf(`{"appName":"app1","environment":"%s","featureName":"f1","timestamp":"%s","yes":%d,"no":2,"variants":{"a":1}}`, environment, at, yes)
	}
	batch := s.accepted(t, bulk, "default", `{"applications":[
		{"appName":"app1","instanceId":"e1","environment":"development","interval":10,"started":"`+at+`","strategies":["default"],
			"connectVia":[{"appName":"unleash-edge","instanceId":"z"}],"sdkVersion":"x:1","sdkType":"frontend"},
		{"appName":"app2","instanceId":"e1","environment":"production"},
		{"appName":"","instanceId":"e1","environment":"development"}],
		"metrics":[`+metric("development", 1)+`,`+metric("production", 4)+`,`+metric("development", 2)+`,{"featureName":"","appName":"","environment":"development"}]}`)
	require.Equal(t, counts("f1", usage.Count{Yes: 3, No: 4, Variants: map[string]int64{"a": 2}}), batch.Counts, "the token's environment alone")
	require.Equal(t, usage.Instance{
		InstanceKey: usage.InstanceKey{App: "app1", Environment: "development", ID: "e1"},
		SDKVersion:  "x:1", SDKType: "frontend", Started: begin, Strategies: []string{"default"},
	}, instance(t, batch))

	require.True(t, s.accepted(t, bulk, "default", `{"applications":[],"metrics":[]}`).Empty())
	got := instance(t, s.accepted(t, bulk, "default", `{"applications":[{"appName":"a","environment":null,"sdkType":null}],"metrics":[]}`))
	require.Equal(t, "development", got.Environment)
	require.Equal(t, "backend", got.SDKType)
}

// problem requires the shape of a problem found before a handler runs and returns its details.
func problem(t *testing.T, w *httptest.ResponseRecorder) map[string]string {
	t.Helper()
	require.Equal(t, "application/json; charset=utf-8", w.Header().Get("Content-Type"))
	var got api.Problem
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &got), w.Body.String())
	require.Len(t, got.ID, 36, w.Body.String())
	require.Equal(t, "BadDataError", got.Name)
	details := map[string]string{}
	for _, d := range got.Details {
		details[d.Path] = d.Message
	}
	return details
}
