package sse_test

import (
	"context"
	"crypto/tls"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/sse"
)

// held sums up a survey by client and revision.
func held(t *testing.T, b *bench) map[string]map[int64]int {
	t.Helper()
	found := map[string]map[int64]int{}
	for _, h := range b.hub.Survey(t.Context()) {
		require.Same(t, b.topic, h.Topic)
		if found[h.Client] == nil {
			found[h.Client] = map[int64]int{}
		}
		found[h.Client][h.Revision] += h.Streams
	}
	return found
}

func TestSurveyTellsWhatEachClientWasSent(t *testing.T) {
	t.Parallel()
	for name, configure := range map[string]func(*httptest.Server){
		"Plain": func(*httptest.Server) {},
		"TLS":   func(s *httptest.Server) { s.TLS = new(tls.Config) },
		"H2":    func(s *httptest.Server) { s.EnableHTTP2, s.TLS = true, new(tls.Config) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, sse.Config{}, configure)
			require.Empty(t, held(t, b))
			b.topic.change(1)
			first, _ := get(t, b, "client=shop")
			second, _ := get(t, b, "client=shop")
			third, _ := get(t, b, "client=till")
			for _, c := range []*client{first, second, third} {
				require.NoError(t, c.reach(1))
			}
			eventually(t, func() bool { return held(t, b)["shop"][1] == 2 && held(t, b)["till"][1] == 1 })
			b.change(2)
			eventually(t, func() bool { return held(t, b)["shop"][2] == 2 && held(t, b)["till"][2] == 1 })
			require.Len(t, held(t, b)["shop"], 1, "nobody is left behind")
		})
	}
}

func TestSurveyOfAHubThatDoesNotRunEnds(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.Empty(t, sse.New(sse.Config{}).Survey(ctx))
	b := setup(t, sse.Config{})
	b.stop()
	require.Empty(t, b.hub.Survey(t.Context()))
}
