package proxy_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/api/proxy"
	"github.com/pennonhq/pennon/eval"
	"github.com/pennonhq/pennon/replica"
	"github.com/pennonhq/pennon/usage"
)

// allocationsMost bounds what a request may allocate, however many flags it is answered with.
const allocationsMost = 30

// compressorMost is what making compressors anew adds: under the race detector pools lose things at random.
const compressorMost = 40

func TestRequestsAllocateLittle(t *testing.T) { //nolint:paralleltest // counts allocations
	h := thousand(t)
	for name, header := range map[string]http.Header{
		"plain": {},
		"gzip":  {"Accept-Encoding": {"gzip"}},
	} {
		requests := contexts(header)
		for _, r := range requests { // what is written once
			h.ServeHTTP(nowhere{http.Header{}}, r)
		}
		i := 0
		allocations := testing.AllocsPerRun(200, func() {
			h.ServeHTTP(nowhere{http.Header{}}, requests[i%len(requests)])
			i++
		})
		most := allocationsMost
		if name == "gzip" {
			most += compressorMost
		}
		require.LessOrEqual(t, allocations, float64(most), name)
	}
}

// BenchmarkProxy asks for a thousand flags with contexts in turn.
func BenchmarkProxy(b *testing.B) {
	h := thousand(b)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, contexts(http.Header{})[0])
	for name, header := range map[string]http.Header{
		"Plain":       {},
		"Gzip":        {"Accept-Encoding": {"gzip"}},
		"NotModified": {"If-None-Match": w.Header()["ETag"]}, //nolint:staticcheck // the legacy proxy's letters
	} {
		b.Run(name, func(b *testing.B) {
			requests := contexts(header)
			if name == "NotModified" {
				requests = requests[:1]
			}
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				h.ServeHTTP(nowhere{http.Header{}}, requests[i%len(requests)])
			}
		})
	}
}

func contexts(header http.Header) []*http.Request {
	var requests []*http.Request
	for i := range 50 {
		r := httptest.NewRequest(http.MethodGet, fmt.Sprintf("/proxy?userId=%d&sessionId=s", i), nil)
		r.Header = header.Clone()
		r.Header.Set("Authorization", "k1")
		requests = append(requests, r)
	}
	return requests
}

// thousand is a proxy with 1,000 flags, most of them on for most.
func thousand(t testing.TB) http.Handler {
	t.Helper()
	var flags []replica.Feature
	for i := range 1000 {
		name := fmt.Sprintf("flag-%04d", i)
		flags = append(flags, replica.Feature{Feature: eval.Feature{Name: name, Project: "default", Enabled: true, Strategies: []eval.Strategy{
			{Name: "flexibleRollout", Parameters: map[string]string{"rollout": "80", "stickiness": "userId", "groupId": name}},
		}}})
	}
	body, err := json.Marshal(map[string]any{"features": flags})
	require.NoError(t, err)
	document, err := proxy.ParseDocument(body)
	require.NoError(t, err)
	store := replica.NewStore(slog.New(slog.DiscardHandler))
	store.Reset(replica.Snapshot{
		Log:          []replica.Row{{Revision: 1, Mark: 1, Kind: replica.KindResync}},
		Environments: map[string][]replica.Feature{environment: flags},
	})
	return proxy.New((&world{document: document, store: store}).config(usage.NewBuffer()))
}

// nowhere drops what is written.
type nowhere struct{ header http.Header }

func (n nowhere) Header() http.Header       { return n.header }
func (nowhere) Write(p []byte) (int, error) { return len(p), nil }
func (nowhere) WriteHeader(int)             {}
