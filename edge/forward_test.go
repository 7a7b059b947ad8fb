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

	"github.com/pennonhq/pennon/api/client"
	"github.com/pennonhq/pennon/usage"
)

// receiver is an upstream that keeps what it is sent and answers with status.
type receiver struct {
	mu      sync.Mutex
	status  int           // mu; 0: unreachable
	lossy   bool          // mu; the connection breaks before the answer
	old     bool          // mu; it does not know names, as Unleash
	most    int           // mu; bytes it takes at once; 0: any number
	refused string        // mu; the secret that it does not accept
	bodies  [][]byte      // mu; those that were accepted, and those sent again that it does not know
	secrets []string      // mu; with which
	names   []string      // mu; of all that came
	ledger  *usage.Ledger // mu
}

func (r *receiver) answer(request *http.Request) *http.Response {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.status == 0 {
		return nil
	}
	body, _ := io.ReadAll(request.Body)
	name, secret := request.Header.Get(client.HeaderReport), request.Header.Get("Authorization")
	r.names = append(r.names, name)
	switch {
	case r.most > 0 && len(body) > r.most:
		return reply(http.StatusRequestEntityTooLarge, "")
	case secret == r.refused:
		return reply(http.StatusUnauthorized, "")
	case r.status < 300 && (r.old || r.fresh(name)):
		r.bodies, r.secrets = append(r.bodies, body), append(r.secrets, secret)
	}
	switch {
	case r.lossy:
		return nil
	case r.old:
		return reply(r.status, "")
	}
	return reply(r.status, "", client.HeaderReport, name)
}

func (r *receiver) fresh(name string) bool {
	if r.ledger == nil {
		r.ledger = usage.NewLedger()
	}
	id, ok := usage.ParseReportID(name)
	return ok && r.ledger.Take(id)
}

func (r *receiver) change(change func(*receiver)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	change(r)
}

// yes adds up what the upstream counts.
func (r *receiver) yes(t *testing.T) (sum int) {
	t.Helper()
	for _, body := range r.taken() {
		var sent struct {
			Metrics []struct{ Yes int }
			Bucket  struct{ Toggles map[string]countSchema }
		}
		require.NoError(t, json.Unmarshal(body, &sent))
		for _, m := range sent.Metrics {
			sum += m.Yes
		}
		for _, m := range sent.Bucket.Toggles {
			sum += int(m.Yes)
		}
	}
	return sum
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
func forward(t *testing.T, form Form, at *receiver, change ...func(*Forwarder)) (buffer *usage.Buffer, stop func()) {
	t.Helper()
	f := newFake()
	f.on("/api/client/metrics", at.answer)
	f.on("/api/client/metrics/bulk", at.answer)
	r := start(t, f, func(c *UpstreamConfig) {
		c.Tokens = []UpstreamToken{{Secret: "*:development.d"}, {Secret: "*:production.p"}}
	})
	forwarder := &Forwarder{Buffer: usage.NewBuffer(), Upstream: r.Upstream, Form: form, Logger: slog.New(slog.DiscardHandler)}
	for _, apply := range change {
		apply(forwarder)
	}
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

func key(feature, app, environment string) usage.Key {
	return usage.Key{Feature: feature, App: app, Environment: environment, Hour: time.Now()}
}

func TestForwarder(t *testing.T) {
	t.Parallel()
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
					require.Equal(t, 2, at.yes(t))
				})
			})
		}
	})

	t.Run("CountsOnceThoughAnswersAreLost", func(t *testing.T) {
		t.Parallel()
		for _, form := range []Form{Bulk, Application} {
			synctest.Test(t, func(t *testing.T) {
				at := &receiver{status: http.StatusAccepted, lossy: true}
				buffer, _ := forward(t, form, at)
				for range 20 {
					buffer.Count(key("a", "shop", "development"), usage.Count{Yes: 1})
					buffer.Count(key("a", "shop", "production"), usage.Count{Yes: 1})
					advance(time.Minute)
				}
				at.change(func(r *receiver) {
					require.Len(t, r.bodies, 1, "what may have been taken keeps its content and its name, and nothing passes it")
					require.Greater(t, len(r.names), 1)
					require.Equal(t, r.names[0], r.names[len(r.names)-1])
					r.lossy = false
				})
				advance(time.Hour)
				require.Equal(t, 40, at.yes(t))
			})
		}
	})

	t.Run("DropsWhatWillNeverBeTaken", func(t *testing.T) {
		t.Parallel()
		for _, status := range []int{400, 404, 413, 422} {
			synctest.Test(t, func(t *testing.T) {
				at := &receiver{status: status}
				var f *Forwarder
				buffer, _ := forward(t, Bulk, at, func(made *Forwarder) { f = made; f.limit = minReport })
				buffer.Count(key("a", "shop", "development"), usage.Count{Yes: 1, No: 2})
				advance(2 * time.Minute)
				require.True(t, buffer.Take().Empty())
				require.Empty(t, f.pending().Counts)
				require.Equal(t, map[string]uint64{dropRefused: 3}, f.stats.lost)
				require.Equal(t, map[int]uint64{status: 1}, f.stats.statuses)
			})
		}
	})

	t.Run("SendsLessAtOnceWhereTheUpstreamTakesLess", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			at := &receiver{status: http.StatusAccepted, most: 20 << 10}
			buffer, _ := forward(t, Bulk, at)
			for i := range 2000 {
				buffer.Count(key(fmt.Sprintf("feature-with-a-long-name-%04d", i), "shop", "development"), usage.Count{Yes: 1})
			}
			advance(10 * time.Minute)
			require.Equal(t, 2000, at.yes(t))
		})
	})

	t.Run("LetsOneEnvironmentRestWhoseTokenIsRefused", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			at := &receiver{status: http.StatusAccepted, refused: "*:development.d"}
			buffer, _ := forward(t, Bulk, at)
			for range 10 {
				buffer.Count(key("a", "shop", "development"), usage.Count{Yes: 1})
				buffer.Count(key("a", "shop", "production"), usage.Count{Yes: 1})
				advance(time.Minute)
			}
			require.Equal(t, 10, at.yes(t))
			require.Len(t, at.names, 11)
			at.change(func(r *receiver) { r.refused = "" })
			advance(5 * time.Minute)
			require.Equal(t, 20, at.yes(t))
		})
	})

	t.Run("KeepsUsageWithoutATokenForAWhile", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			at := &receiver{status: http.StatusAccepted}
			var f *Forwarder
			buffer, _ := forward(t, Bulk, at, func(made *Forwarder) { f = made })
			buffer.Count(key("a", "shop", "staging"), usage.Count{Yes: 1})
			advance(30 * time.Minute)
			require.Empty(t, at.taken())
			require.Len(t, f.pending().Counts, 1)
			f.Upstream.Add(UpstreamToken{Secret: "*:staging.s"}, nil)
			advance(2 * time.Minute)
			require.Equal(t, []string{"*:staging.s"}, at.secrets, "never with another environment's token")

			f.Upstream.Remove("*:staging.s")
			buffer.Count(key("a", "shop", "staging"), usage.Count{Yes: 4})
			advance(2 * orphanFor)
			require.Empty(t, f.pending().Counts)
			require.Equal(t, map[string]uint64{dropOrphaned: 4}, f.stats.lost)
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
