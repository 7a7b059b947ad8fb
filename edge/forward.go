package edge

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/pennonhq/pennon/api/client"
	"github.com/pennonhq/pennon/usage"
)

const (
	// DefaultMetricsInterval is how often usage is sent upstream, as Unleash Edge does.
	DefaultMetricsInterval = time.Minute

	// maxReport is how large one report may be, in bytes: upstreams refuse bodies of 100 KiB and more. Where one refuses
	// less, reports shrink down to minReport.
	maxReport = 95 << 10
	minReport = 4 << 10

	// maxReportAge is after what time a report is given up. An upstream takes one that is older for one of now.
	maxReportAge = 7 * 24 * time.Hour

	// orphanFor is how long usage of an environment is kept that no upstream token is of.
	orphanFor = time.Hour

	// refusedFactor is how many intervals an environment rests whose token the upstream refuses.
	refusedFactor = 11

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

// Forwarder sends what SDKs report on to the upstream, merged. Usage waits in Buffer, which is bounded; what is sent becomes
// a report, with a name and a content that stay as they are until the upstream has answered. An upstream that knows the
// names (client.HeaderReport) therefore counts each once, though it may be sent more often; others count a report twice that
// they took and could not answer. There is at most one such report of each environment. Run it once.
type Forwarder struct {
	Buffer   *usage.Buffer
	Upstream *Upstream // whose tokens and connections are used
	Form     Form
	Interval time.Duration // 0: DefaultMetricsInterval
	Jitter   time.Duration // up to which each interval is drawn out
	Logger   *slog.Logger

	Used      func(func(usage.TokenUse)) // yields the tokens that were used since the last time; nil: nobody counts
	Secret    func(hash) string          // of a token that was used, for upstreams that know no hashes; empty: not known
	Delivered func()                     // told when reports of an earlier run are gone
	stats     forwardStats               // for Prometheus
	failures  int                        // in a row
	limit     int                        // of a report, in bytes
	named     bool                       // the upstream knows client.HeaderReport, as far as is known

	mu    sync.Mutex
	lanes map[string]*lane // mu; by environment
}

// Run forwards until ctx is done, and then what is left.
func (f *Forwarder) Run(ctx context.Context) error {
	if f.Interval <= 0 {
		f.Interval = DefaultMetricsInterval
	}
	f.named = true
	for {
		wait := f.Interval * time.Duration(1+f.failures)
		if f.failures > 0 {
			wait = jittered(wait)
		}
		f.stats.waits(wait)
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
	parts := f.take()
	trouble := false
	for _, l := range f.sorted(parts) {
		part := parts[l.environment]
		if trouble || time.Now().Before(l.restsUntil) { // keep it without asking again
			f.giveBack(part)
			continue
		}
		trouble = f.serve(ctx, l, part)
	}
	if trouble {
		f.failures = min(f.failures+1, failuresMax)
		return
	}
	f.failures = max(f.failures-1, 0)
}

// serve sends what an environment has. It reports whether the upstream is in trouble.
func (f *Forwarder) serve(ctx context.Context, l *lane, part *usage.Batch) (trouble bool) {
	t, found := f.Upstream.tokenOf(l.environment)
	if !found {
		f.orphaned(l, part)
		return false
	}
	l.orphanedAt = time.Time{}
	for r := f.first(l); r != nil; r = f.first(l) {
		if outcome := f.settle(ctx, l, t, r); outcome >= kept {
			f.giveBack(part)
			return outcome == kept
		}
	}
	rest := f.cut(l.environment, part)
	for i, r := range rest {
		f.enqueue(l, r)
		if outcome := f.settle(ctx, l, t, r); outcome >= kept {
			for _, unsent := range rest[i+1:] {
				f.giveBack(&unsent.batch)
			}
			return outcome == kept
		}
	}
	return false
}

// outcome is what has become of a report.
type outcome int

const (
	gone    outcome = iota // taken, given up, or to be cut anew
	kept                   // the upstream is in trouble
	resting                // the upstream refuses the token
)

// settle sends the first report of a lane and follows the answer.
func (f *Forwarder) settle(ctx context.Context, l *lane, t UpstreamToken, r *report) outcome {
	if time.Since(r.at) > maxReportAge {
		f.giveUp(l, r, "too old")
		return gone
	}
	body := f.bodyOf(r)
	f.stats.sent(len(body))
	status, named, err := f.Upstream.postReport(ctx, t, r.path, body, r.id)
	switch {
	case err == nil && status < http.StatusMultipleChoices:
		f.named = named
		f.pop(l)
		return gone
	case err == nil && status == http.StatusRequestEntityTooLarge && !r.earlier && f.limit > minReport:
		f.stats.answered(status)
		f.limit = max(f.limit/2, minReport)
		f.log().Warn("the upstream takes smaller reports only", "bytes", len(body), "limit", f.limit)
		f.pop(l)
		f.giveBack(&r.batch) // nothing of it was counted
		return gone
	case err == nil && hopeless(status):
		f.stats.answered(status)
		f.giveUp(l, r, fmt.Sprintf("the upstream answers %d", status))
		return gone
	case err == nil && (status == http.StatusUnauthorized || status == http.StatusForbidden):
		f.stats.answered(status)
		l.restsUntil = time.Now().Add(refusedFactor * f.Interval)
		f.log().Warn("the upstream refuses the token that usage is sent with; keeping it", "status", status, "environment", l.environment)
		return resting
	}
	if err != nil {
		f.stats.failed()
	} else {
		f.stats.answered(status)
	}
	f.log().Warn("usage could not be sent; keeping it", "status", status, "err", err, "environment", l.environment, "report", r.id.String())
	return kept
}

// hopeless reports whether sending the same again is of no use.
func hopeless(status int) bool {
	switch status {
	case http.StatusBadRequest, http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusGone, http.StatusRequestEntityTooLarge,
		http.StatusUnsupportedMediaType, http.StatusUnprocessableEntity:
		return true
	}
	return false
}

// post sends JSON and returns the status of the answer.
func (u *Upstream) post(ctx context.Context, t UpstreamToken, path string, body []byte) (status int, err error) {
	status, _, err = u.postReport(ctx, t, path, body, usage.ReportID{})
	return status, err
}

// postReport sends JSON under a name, if there is one. It returns the status of the answer, and whether it repeats the name.
func (u *Upstream) postReport(ctx context.Context, t UpstreamToken, path string, body []byte, id usage.ReportID) (status int, named bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, u.config.RequestTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, u.config.URL+path, bytes.NewReader(body))
	if err != nil {
		return 0, false, fmt.Errorf("make request: %w", err)
	}
	u.identify(request, t)
	request.Header.Set("Content-Type", "application/json")
	if id.Number > 0 {
		request.Header.Set(client.HeaderReport, id.String())
	}
	answer, err := u.http.Do(request)
	if err != nil {
		return 0, false, fmt.Errorf("send usage: %w", err)
	}
	_, _ = io.CopyN(io.Discard, answer.Body, 4<<10)
	_ = answer.Body.Close()
	return answer.StatusCode, answer.Header.Get(client.HeaderReport) != "", nil
}

func (f *Forwarder) log() *slog.Logger { return f.Logger.With("component", "usage") }
