package edge

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/pennonhq/pennon/api/system"
	"github.com/pennonhq/pennon/metrics"
)

// identity are the labels that Unleash Edge gives most of its metrics.
type identity []metrics.Label

func (u *Upstream) identity() identity {
	return identity{label("app_name", u.config.AppName), label("instance_id", u.config.InstanceID)}
}

func (i identity) with(labels ...metrics.Label) []metrics.Label {
	return append(slices.Clone(i), labels...)
}

func label(name, value string) metrics.Label { return metrics.Label{Name: name, Value: value} }

func truth(is bool) float64 {
	if is {
		return 1
	}
	return 0
}

// collect writes how it stands with where flags come from.
func (u *Upstream) collect(w *metrics.Writer) {
	now := time.Now()
	type row struct {
		Status
		labels []metrics.Label
	}
	var rows []row
	known := map[string]bool{}
	for _, f := range u.current() {
		if f.left.Load() {
			continue
		}
		scope := f.token.scope()
		if known[scope.Key()] { // another token for the same
			continue
		}
		known[scope.Key()] = true
		rows = append(rows, row{f.status.get(), []metrics.Label{
			label("environment", scope.Environment), label("projects", strings.Join(scope.Projects(), ",")),
		}})
	}
	write := func(name, help string, kind metrics.Kind, value func(Status) (float64, bool)) {
		if !w.Family(name, help, kind) {
			return
		}
		for _, r := range rows {
			if v, is := value(r.Status); is {
				w.Sample(v, r.labels...)
			}
		}
	}
	write("pennon_upstream_staleness_seconds", "Since the upstream was last heard of, or since the start.", metrics.KindGauge,
		func(s Status) (float64, bool) {
			if s.ContactAt.IsZero() {
				return now.Sub(u.made).Seconds(), true
			}
			return now.Sub(s.ContactAt).Seconds(), true
		})
	write("pennon_upstream_connected", "1 while the stream is up, or the last poll was answered.", metrics.KindGauge,
		func(s Status) (float64, bool) { return truth(s.Connected), true })
	write("pennon_upstream_refused", "1 while the upstream does not accept the token.", metrics.KindGauge,
		func(s Status) (float64, bool) { return truth(s.Refused), true })
	write("pennon_upstream_failures", "Failed attempts in a row.", metrics.KindGauge,
		func(s Status) (float64, bool) { return float64(s.Failures), true })
	if w.Family("pennon_upstream_mode", "How flags come: 1 for the present way.", metrics.KindGauge) {
		for _, r := range rows {
			w.Sample(1, append(slices.Clone(r.labels), label("mode", r.Mode.String()))...)
		}
	}
	write("polling_revision_id", "The newest revision of the upstream, where everything is polled.", metrics.KindGauge,
		func(s Status) (float64, bool) { return float64(s.Revision), s.Mode == Full })
	write("delta_revision_id", "The newest revision of the upstream, where changes are pushed or polled.", metrics.KindGauge,
		func(s Status) (float64, bool) { return float64(s.Revision), s.Mode != Full })
	u.collectRequests(w)
}

// collectRequests writes how long the upstream took, and what it did not answer.
func (u *Upstream) collectRequests(w *metrics.Writer) {
	self := u.identity()
	for _, timed := range []struct {
		name, help string
		paths      []string
	}{
		{"client_feature_fetch", "How long the upstream took to answer polls for all flags, in milliseconds.", []string{"/client/features"}},
		{"client_feature_delta_fetch", "How long the upstream took to answer polls for changes, in milliseconds.", []string{"/client/delta"}},
		{"client_metrics_upload", "How long the upstream took to answer reports of usage, in milliseconds.", []string{"/client/metrics/bulk", "/client/metrics"}},
		{"instance_data_upload", "How long the upstream took to answer what edges say of themselves, in milliseconds.", []string{"/client/metrics/edge"}},
	} {
		if !w.Family(timed.name, timed.help, metrics.KindHistogram) {
			continue
		}
		for _, path := range timed.paths {
			u.meter.each(path, func(status string, h *metrics.Histogram) {
				w.Histogram(h, self.with(label("status_code", status))...)
			})
		}
	}
	for _, failing := range []struct {
		name, help string
		paths      []string
	}{
		{"client_feature_fetch_failures", "Polls that the upstream did not answer with flags.", []string{"/client/features", "/client/delta"}},
		{"client_register_failures", "Registrations that the upstream did not take.", []string{"/client/register"}},
		{"token_validation_failures", "Questions about tokens that the upstream did not answer.", []string{"/edge/validate"}},
	} {
		if !w.Family(failing.name, failing.help, metrics.KindCounter) {
			continue
		}
		counts := map[string]uint64{}
		for _, path := range failing.paths {
			u.meter.each(path, func(status string, h *metrics.Histogram) {
				if failed(status) {
					counts[status] += h.Count()
				}
			})
		}
		for _, status := range slices.Sorted(maps.Keys(counts)) {
			w.Sample(float64(counts[status]), label("status_code", status))
		}
	}
}

// collect writes how it stands with what SDKs report.
func (f *Forwarder) collect(w *metrics.Writer) {
	stats := f.Buffer.Stats()
	system.CollectBuffered(w, stats, "sent")
	w.Value("pennon_usage_dropped_total", "Reports dropped at a limit.", metrics.KindCounter, float64(stats.Dropped))
	f.collectQueue(w)
	if w.Family("feature_toggle_usage_total", "Evaluations that SDKs reported, by application, flag and answer.", metrics.KindCounter) {
		for of, n := range stats.Flags {
			w.Sample(float64(n.Yes), label("active", "true"), label("appName", of.App), label("toggle", of.Feature))
			w.Sample(float64(n.No), label("active", "false"), label("appName", of.App), label("toggle", of.Feature))
		}
	}
}

func (f *Forwarder) collectQueue(w *metrics.Writer) {
	waiting, oldest := 0, time.Time{}
	f.mu.Lock()
	for _, l := range f.lanes {
		waiting += len(l.queue)
		for _, r := range l.queue {
			if oldest.IsZero() || r.at.Before(oldest) {
				oldest = r.at
			}
		}
	}
	f.mu.Unlock()
	age := 0.0
	if !oldest.IsZero() {
		age = time.Since(oldest).Seconds()
	}
	w.Value("pennon_usage_reports_waiting", "Reports that the upstream has not confirmed; they keep their name and content.", metrics.KindGauge, float64(waiting))
	w.Value("pennon_usage_oldest_report_seconds", "The age of the oldest of them; 0 when there is none.", metrics.KindGauge, age)
	s := &f.stats
	s.mu.Lock()
	defer s.mu.Unlock()
	if w.Family("pennon_usage_lost_total", "Evaluations given up for good, by reason.", metrics.KindCounter) {
		for _, why := range []string{dropRefused, dropOrphaned, dropOverflow} {
			w.Sample(float64(s.lost[why]), label("reason", why))
		}
	}
	w.Value("metrics_send_error", "Reports of usage that were not answered.", metrics.KindCounter, float64(s.errors))
	if w.Family("metrics_upstream_http_errors", "Answers to reports of usage other than success.", metrics.KindCounter) {
		for _, status := range slices.Sorted(maps.Keys(s.statuses)) {
			w.Sample(float64(s.statuses[status]), label("status_code", statusText(status)))
		}
	}
	if w.Family("metrics_size_in_bytes", "How large reports of usage were.", metrics.KindHistogram) && s.sizes != nil {
		w.Histogram(s.sizes)
	}
	w.Value("metrics_interval_between_send", "Seconds between two attempts to report, as things stand.", metrics.KindGauge, s.wait.Seconds())
}

// collect writes how many tokens are known.
func (t *Tokens) collect(w *metrics.Writer) {
	counts := map[string]int{"Validated": 0, "Trusted": 0, "Earlier": 0}
	t.mu.RLock()
	for _, known := range t.known {
		counts[known.status()]++
	}
	counts["Invalid"] = len(t.unknown)
	t.mu.RUnlock()
	if w.Family("token_status", "Tokens that the edge knows of, by what they are.", metrics.KindGauge) {
		for _, status := range slices.Sorted(maps.Keys(counts)) {
			w.Sample(float64(counts[status]), label("status", status))
		}
	}
}
