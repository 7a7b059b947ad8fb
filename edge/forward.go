package edge

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/pennonhq/pennon/usage"
)

const (
	// DefaultMetricsInterval is how often usage is sent upstream, as Unleash Edge does.
	DefaultMetricsInterval = time.Minute

	// maxReport is how large one report may be, in bytes: upstreams refuse bodies of 100 KiB and more.
	maxReport = 95 << 10

	// lastFlush bounds the attempt to send what is left at the end.
	lastFlush = 5 * time.Second
)

// Form is how usage is sent upstream.
type Form int

// The forms: an edge reports what it merged from others in bulk, the proxy as SDKs do, once for each application.
const (
	Bulk        Form = iota // POST /client/metrics/bulk: applications and counts
	Application             // POST /client/metrics: counts
)

// Forwarder sends what SDKs report on to the upstream, merged. What cannot be delivered stays in Buffer, which is bounded,
// and is tried again; a report may so arrive twice, if the upstream took it and could not say so. Run it once.
type Forwarder struct {
	Buffer   *usage.Buffer
	Upstream *Upstream // whose tokens and connections are used
	Form     Form
	Interval time.Duration // 0: DefaultMetricsInterval
	Jitter   time.Duration // up to which each interval is drawn out
	Logger   *slog.Logger

	failures int
}

// Run forwards until ctx is done, and then what is left.
func (f *Forwarder) Run(ctx context.Context) error {
	if f.Interval <= 0 {
		f.Interval = DefaultMetricsInterval
	}
	for {
		wait := f.Interval * time.Duration(1+f.failures)
		if f.failures > 0 {
			wait = jittered(wait)
		}
		timer := time.NewTimer(wait + drawn(f.Jitter))
		select {
		case <-timer.C:
			f.flush(ctx)
		case <-ctx.Done():
			timer.Stop()
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastFlush)
			defer cancel()
			f.flush(ctx)
			return nil
		}
	}
}

// flush sends everything there is, once.
func (f *Forwarder) flush(ctx context.Context) {
	taken := f.Buffer.Take()
	if taken.Dropped > 0 {
		f.log().Warn("more usage was reported than can be kept", "dropped", taken.Dropped)
	}
	if taken.Empty() {
		return
	}
	failed := false
	for _, r := range f.reports(taken) {
		if failed { // the upstream is in trouble: keep the rest without asking again
			f.Buffer.Return(r.batch)
			continue
		}
		switch status, err := f.post(ctx, r); {
		case err == nil && status < 300:
		case err == nil && hopeless(status):
			f.log().Error("the upstream does not take a usage report; it is dropped", "status", status,
				"environment", r.environment, "bytes", len(r.body), "counts", len(r.batch.Counts))
		default:
			failed = true
			f.Buffer.Return(r.batch)
			f.log().Warn("usage could not be sent; keeping it", "status", status, "err", err, "environment", r.environment)
		}
	}
	if failed {
		f.failures = min(f.failures+1, failuresMax)
		return
	}
	f.failures = max(f.failures-1, 0)
}

// hopeless reports whether sending the same again is of no use.
func hopeless(status int) bool {
	return status == http.StatusBadRequest || status == http.StatusRequestEntityTooLarge || status == http.StatusNotFound ||
		status == http.StatusUnprocessableEntity
}

func (f *Forwarder) post(ctx context.Context, r report) (status int, err error) {
	return f.Upstream.post(ctx, r.token, r.path, r.body)
}

// post sends JSON and returns the status of the answer.
func (u *Upstream) post(ctx context.Context, t UpstreamToken, path string, body []byte) (status int, err error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, u.config.URL+path, bytes.NewReader(body))
	if err != nil {
		return 0, fmt.Errorf("make request: %w", err)
	}
	u.identify(request, t)
	request.Header.Set("Content-Type", "application/json")
	answer, err := u.http.Do(request)
	if err != nil {
		return 0, fmt.Errorf("send usage: %w", err)
	}
	_, _ = io.CopyN(io.Discard, answer.Body, 4<<10)
	_ = answer.Body.Close()
	return answer.StatusCode, nil
}

func (f *Forwarder) log() *slog.Logger { return f.Logger.With("component", "usage") }
