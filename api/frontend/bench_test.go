package frontend_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/eval"
	"github.com/pennonhq/pennon/replica"
)

// allocationsMost bounds what a request may allocate, with token check, CORS and routing, however many flags there are.
const allocationsMost = 25

// compressorMost is what making compressors anew adds: under the race detector pools lose things at random.
const compressorMost = 40

func TestRequestsAllocateLittleHoweverManyFlags(t *testing.T) { //nolint:paralleltest // counts allocations
	s := thousand(t)
	for name, headers := range frontendCases(t, s) {
		r := frontendRequest(headers)
		s.handler.ServeHTTP(nowhere{}, r) // what is encoded once
		allocations := testing.AllocsPerRun(200, func() { s.handler.ServeHTTP(nowhere{}, r) })
		most := allocationsMost
		if name == "Gzip" {
			most += compressorMost
		}
		require.LessOrEqual(t, allocations, float64(most), name)
	}
}

// thousand serves a thousand flags, most of them on by a rollout or a constraint.
func thousand(t testing.TB) *server {
	t.Helper()
	var features []replica.Feature
	for i := range 1000 {
		rollout := eval.Strategy{Name: "flexibleRollout", Parameters: map[string]string{"rollout": "80", "stickiness": "userId", "groupId": strconv.Itoa(i)}}
		features = append(features, flag(fmt.Sprintf("flag-%04d", i), "default", rollout, onlyIf("plan", "gold", "silver")))
	}
	return newServer(t, newStore(features...), "")
}

// frontendCases are the ways browsers ask, as pairs of headers.
func frontendCases(t testing.TB, s *server) map[string][]string {
	t.Helper()
	tag := s.get(t, "/api/frontend?userId=7&sessionId=s").Header().Get("ETag")
	return map[string][]string{"Plain": nil, "Gzip": {"Accept-Encoding", "gzip"}, "NotModified": {"If-None-Match", tag}}
}

func frontendRequest(headers []string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "/api/frontend?userId=7&sessionId=s", nil)
	r.Header.Set("Authorization", "all")
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	return r
}

// BenchmarkFrontend asks for a thousand flags.
func BenchmarkFrontend(b *testing.B) {
	s := thousand(b)
	for name, headers := range frontendCases(b, s) {
		b.Run(name, func(b *testing.B) {
			r := frontendRequest(headers)
			w := httptest.NewRecorder()
			s.handler.ServeHTTP(w, r)
			require.Less(b, w.Code, 400)
			b.SetBytes(int64(w.Body.Len()))
			b.ReportAllocs()
			b.ResetTimer()
			for range b.N {
				s.handler.ServeHTTP(nowhere{}, r)
			}
		})
	}
}

// nowhere drops what is written.
type nowhere struct{}

func (nowhere) Header() http.Header         { return http.Header{} }
func (nowhere) Write(p []byte) (int, error) { return len(p), nil }
func (nowhere) WriteHeader(int)             {}
