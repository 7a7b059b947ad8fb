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

// BenchmarkFrontend asks for a thousand flags, most of them on by a rollout or a constraint.
func BenchmarkFrontend(b *testing.B) {
	var features []replica.Feature
	for i := range 1000 {
		rollout := eval.Strategy{Name: "flexibleRollout", Parameters: map[string]string{"rollout": "80", "stickiness": "userId", "groupId": strconv.Itoa(i)}}
		features = append(features, flag(fmt.Sprintf("flag-%04d", i), "default", rollout, onlyIf("plan", "gold", "silver")))
	}
	s := newServer(b, newStore(features...), "")
	tag := s.get(b, "/api/frontend?userId=7&sessionId=s").Header().Get("ETag")
	for name, headers := range map[string][]string{
		"Plain":       nil,
		"Gzip":        {"Accept-Encoding", "gzip"},
		"NotModified": {"If-None-Match", tag},
	} {
		b.Run(name, func(b *testing.B) {
			r := httptest.NewRequest(http.MethodGet, "/api/frontend?userId=7&sessionId=s", nil)
			r.Header.Set("Authorization", "all")
			for i := 0; i < len(headers); i += 2 {
				r.Header.Set(headers[i], headers[i+1])
			}
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
