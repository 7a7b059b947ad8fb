package edge

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/usage"
)

// receiver is an upstream that keeps what it is sent and answers with status.
type receiver struct {
	mu      sync.Mutex
	status  int      // mu; 0: unreachable
	bodies  [][]byte // mu; those that were accepted
	secrets []string // mu; with which
}

func (r *receiver) answer(request *http.Request) *http.Response {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.status == 0 {
		return nil
	}
	body, _ := io.ReadAll(request.Body)
	if r.status < 300 {
		r.bodies, r.secrets = append(r.bodies, body), append(r.secrets, request.Header.Get("Authorization"))
	}
	return reply(r.status, "")
}

func (r *receiver) set(status int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.status = status
}

func (r *receiver) taken() [][]byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.bodies
}

// forward runs a Forwarder within a bubble.
func forward(t *testing.T, form Form, at *receiver) (buffer *usage.Buffer, stop func()) {
	t.Helper()
	f := newFake()
	f.on("/api/client/metrics", at.answer)
	f.on("/api/client/metrics/bulk", at.answer)
	r := start(t, f, func(c *UpstreamConfig) {
		c.Tokens = []UpstreamToken{{Secret: "*:development.d"}, {Secret: "*:production.p"}}
	})
	forwarder := &Forwarder{Buffer: usage.NewBuffer(), Upstream: r.Upstream, Form: form, Logger: slog.New(slog.DiscardHandler)}
	done := make(chan error, 1)
	stopped := make(chan struct{})
	ctx, cancel := contextOf(t)
	go func() { done <- forwarder.Run(ctx); close(stopped) }()
	var once sync.Once
	stop = func() {
		once.Do(func() {
			cancel()
			<-stopped
			require.NoError(t, <-done)
		})
	}
	t.Cleanup(stop)
	return forwarder.Buffer, stop
}

func TestForwarder(t *testing.T) {
	t.Parallel()
	key := func(feature, app, environment string) usage.Key {
		return usage.Key{Feature: feature, App: app, Environment: environment, Hour: time.Now()}
	}

	t.Run("MergesAndSendsInBulkWithTheTokenOfTheEnvironment", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			at := &receiver{status: http.StatusAccepted}
			buffer, _ := forward(t, Bulk, at)
			for range 3 {
				buffer.Count(key("a", "shop", "production"), usage.Count{Yes: 1, Variants: map[string]int64{"red": 1}})
			}
			buffer.Seen(usage.Instance{InstanceKey: usage.InstanceKey{App: "shop", Environment: "production", ID: "1"}, SDKType: "backend"})
			advance(DefaultMetricsInterval + time.Second)
			require.Len(t, at.taken(), 1)
			require.Equal(t, []string{"*:production.p"}, at.secrets)
			var body struct {
				Applications []map[string]any
				Metrics      []map[string]any
			}
			require.NoError(t, json.Unmarshal(at.taken()[0], &body))
			require.Equal(t, "shop", body.Applications[0]["appName"])
			require.EqualValues(t, 3, body.Metrics[0]["yes"])
			require.Equal(t, map[string]any{"red": 3.0}, body.Metrics[0]["variants"])
			advance(time.Hour)
			require.Len(t, at.taken(), 1, "nothing is sent twice, nor nothing at all")
		})
	})

	t.Run("ReportsEachApplicationForItself", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			at := &receiver{status: http.StatusAccepted}
			buffer, _ := forward(t, Application, at)
			buffer.Count(key("a", "shop", "development"), usage.Count{Yes: 1})
			buffer.Count(key("b", "shop", "development"), usage.Count{No: 2})
			buffer.Count(key("a", "app", "development"), usage.Count{Yes: 5})
			advance(DefaultMetricsInterval + time.Second)
			require.Len(t, at.taken(), 2)
			var body metricsSchema
			require.NoError(t, json.Unmarshal(at.taken()[1], &body))
			require.Equal(t, "shop", body.AppName)
			require.Equal(t, map[string]countSchema{"a": {Yes: 1}, "b": {No: 2}}, body.Bucket.Toggles)
			require.False(t, body.Bucket.Stop.Before(body.Bucket.Start))
		})
	})

	t.Run("KeepsWhatItCannotDeliver", func(t *testing.T) {
		t.Parallel()
		for _, status := range []int{0, 500, 503, 429, 401} {
			t.Run(fmt.Sprint(status), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					at := &receiver{status: status}
					buffer, _ := forward(t, Bulk, at)
					buffer.Count(key("a", "shop", "development"), usage.Count{Yes: 1})
					advance(30 * time.Minute)
					buffer.Count(key("a", "shop", "development"), usage.Count{Yes: 1})
					at.set(http.StatusAccepted)
					advance(15 * time.Minute)
					var yes int
					for _, body := range at.taken() {
						var sent struct{ Metrics []struct{ Yes int } }
						require.NoError(t, json.Unmarshal(body, &sent))
						for _, m := range sent.Metrics {
							yes += m.Yes
						}
					}
					require.Equal(t, 2, yes)
				})
			})
		}
	})

	t.Run("DropsWhatWillNeverBeTaken", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			at := &receiver{status: http.StatusBadRequest}
			buffer, _ := forward(t, Bulk, at)
			buffer.Count(key("a", "shop", "development"), usage.Count{Yes: 1})
			advance(2 * time.Minute)
			require.True(t, buffer.Take().Empty())
		})
	})

	t.Run("StaysBelowWhatUpstreamsAccept", func(t *testing.T) {
		t.Parallel()
		for _, form := range []Form{Bulk, Application} {
			synctest.Test(t, func(t *testing.T) {
				at := &receiver{status: http.StatusAccepted}
				buffer, _ := forward(t, form, at)
				for i := range 5000 {
					buffer.Count(key(fmt.Sprintf("feature-with-a-long-name-%04d", i), "shop", "development"), usage.Count{Yes: 1})
				}
				advance(DefaultMetricsInterval + time.Second)
				require.Greater(t, len(at.taken()), 2)
				for _, body := range at.taken() {
					require.LessOrEqual(t, len(body), maxReport)
				}
				require.True(t, buffer.Take().Empty())
			})
		}
	})

	t.Run("SendsTheRestWhenItStops", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			at := &receiver{status: http.StatusAccepted}
			buffer, stop := forward(t, Bulk, at)
			buffer.Count(key("a", "shop", "development"), usage.Count{Yes: 1})
			stop()
			require.Len(t, at.taken(), 1)
		})
	})
}
