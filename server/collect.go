package server

import (
	"context"
	"runtime"
	"time"

	"github.com/pennonhq/pennon/api/system"
	"github.com/pennonhq/pennon/db"
	"github.com/pennonhq/pennon/metrics"
	"github.com/pennonhq/pennon/queries"
	"github.com/pennonhq/pennon/replica"
)

// connectMetrics has everything written that the server knows of itself.
func (s *Server) connectMetrics() {
	s.changeLog.Watch(replica.KindFeature, s.measured.flagsChanged)
	r := &s.measured.registry
	r.Collect(s.collectBuild)
	r.Collect(s.measured.requests.Collect)
	r.Collect(s.collectFlags)
	r.Collect(s.collectStreams)
	r.Collect(s.collectFleet)
	r.Collect(s.collectUsage)
	r.Collect(s.collectDatabase)
	r.Collect(s.collectCounts)
	r.Collect(metrics.CollectProcess)
}

func label(name, value string) metrics.Label { return metrics.Label{Name: name, Value: value} }

func (s *Server) collectBuild(w *metrics.Writer) {
	if w.Family("pennon_build_info", "The version that runs.", metrics.KindGauge) {
		w.Sample(1, label("version", s.config.Version), label("go_version", runtime.Version()))
	}
}

func (s *Server) collectFlags(w *metrics.Writer) {
	ready := 0.0
	if s.store.Ready() {
		ready = 1
	}
	w.Value("pennon_ready", "1 once the flags have been read.", metrics.KindGauge, ready)
	system.CollectFlags(w, s.store)
	if w.Family("feature_toggle_update_total", "Changes of flags seen in the change log, n/a where they are not of one environment.", metrics.KindCounter) {
		s.measured.changesMu.Lock()
		defer s.measured.changesMu.Unlock()
		for environment, n := range s.measured.changes {
			w.Sample(float64(n), label("environment", environment))
		}
	}
}

func (s *Server) collectStreams(w *metrics.Writer) {
	system.CollectStreams(w, s.hub.Stats())
	if w.Family("pennon_delivery_duration_seconds",
		"From the commit of a change, on the database's clock, until its message was handed to the system, for each stream.", metrics.KindHistogram) {
		w.Histogram(s.measured.delivery)
	}
}

func (s *Server) collectUsage(w *metrics.Writer) {
	stats := s.usage.Buffer.Stats()
	system.CollectBuffered(w, stats, "stored")
	dropped := float64(stats.Dropped)
	if s.usage.Impact != nil {
		dropped += float64(s.usage.Impact.Dropped())
	}
	w.Value("pennon_usage_dropped_total", "Reports dropped at a limit.", metrics.KindCounter, dropped)
	w.Value("pennon_usage_flush_failures_total", "Attempts to store reports that failed; they are kept.", metrics.KindCounter, float64(s.usage.Failures()))
	if w.Family("feature_toggle_usage_total", "Evaluations that SDKs reported, by application and answer.", metrics.KindCounter) {
		for app, of := range stats.Apps {
			w.Sample(float64(of.Yes), label("active", "true"), label("appName", app))
			w.Sample(float64(of.No), label("active", "false"), label("appName", app))
		}
	}
}

func (s *Server) collectDatabase(w *metrics.Writer) {
	pool := s.pool.Stat()
	w.Value("db_pool_min", "Connections the pool keeps open.", metrics.KindGauge, float64(s.pool.Config().MinConns))
	w.Value("db_pool_max", "Connections the pool may open.", metrics.KindGauge, float64(pool.MaxConns()))
	w.Value("db_pool_free", "Connections that are idle.", metrics.KindGauge, float64(pool.IdleConns()))
	w.Value("db_pool_used", "Connections in use.", metrics.KindGauge, float64(pool.AcquiredConns()))
	w.Value("db_pool_pending_creates", "Connections being opened.", metrics.KindGauge, float64(pool.ConstructingConns()))
	w.Value("pennon_db_pool_waits_total", "How often somebody waited for a connection.", metrics.KindCounter, float64(pool.EmptyAcquireCount()))
	w.Value("pennon_db_pool_wait_seconds_total", "For how long altogether.", metrics.KindCounter, pool.EmptyAcquireWaitTime().Seconds())

	status := s.changeLog.Status()
	connected := 0.0
	if status.Connected {
		connected = 1
	}
	w.Value("pennon_change_log_connected", "1 while the change log can be read.", metrics.KindGauge, connected)
	if w.Family("pennon_change_log_mode", "How changes are learned of: 1 for the present way.", metrics.KindGauge) {
		for _, mode := range []db.ChangeLogMode{db.ModeConnecting, db.ModeListen, db.ModePoll} {
			is := 0.0
			if status.Mode == mode {
				is = 1
			}
			w.Sample(is, label("mode", string(mode)))
		}
	}
	w.Value("pennon_change_log_revision", "The newest revision read.", metrics.KindGauge, float64(status.Revision))
	w.Value("pennon_change_log_reconnects_total", "Connections after the first one.", metrics.KindCounter, float64(status.Reconnects))
	if !status.LastReadAt.IsZero() {
		w.Value("pennon_change_log_lag_seconds", "Since the change log was last read: how old flags may be.", metrics.KindGauge, time.Since(status.LastReadAt).Seconds())
	}
}

func (s *Server) collectCounts(w *metrics.Writer) {
	known := s.count()
	if known == nil {
		return
	}
	of := &known.of
	for _, gauge := range []struct {
		name, help string
		value      int64
	}{
		{"feature_toggles_total", "Flags that are not archived.", of.Features},
		{"projects_total", "Projects.", of.Projects},
		{"environments_total", "Environments that are enabled.", of.Environments},
		{"segments_total", "Segments.", of.Segments},
		{"context_total", "Context fields.", of.ContextFields},
		{"strategies_total", "Strategy types.", of.Strategies},
		{"unknown_flags", "Names that no flag has, by application and environment, asked for in the last day.", known.unknown.Reports},
		{"unknown_flags_unique_names", "Of these, distinct names.", known.unknown.Names},
	} {
		w.Value(gauge.name, gauge.help, metrics.KindGauge, float64(gauge.value))
	}
	if w.Family("api_tokens_total", "API tokens, by type.", metrics.KindGauge) {
		w.Sample(float64(of.AdminTokens), label("type", "admin"))
		w.Sample(float64(of.ClientTokens), label("type", "backend"))
		w.Sample(float64(of.FrontendTokens), label("type", "frontend"))
	}
	if w.Family("client_apps_total", "Applications, by when they were last seen.", metrics.KindGauge) {
		w.Sample(float64(of.Applications7Days), label("range", "7d"))
		w.Sample(float64(of.Applications30Days), label("range", "30d"))
		w.Sample(float64(of.Applications), label("range", "allTime"))
	}
}

// count asks the database, now and then, and not while it is known to be away. What was counted last is good until it is
// back.
func (s *Server) count() *counts {
	m := s.measured
	m.countsMu.Lock()
	defer m.countsMu.Unlock()
	if time.Since(m.counted) < countEvery || time.Since(s.changeLog.Status().LastReadAt) > staleAfter {
		return m.counts
	}
	m.counted = time.Now()
	ctx, cancel := context.WithTimeout(context.Background(), countTimeout)
	defer cancel()
	q := queries.New()
	of, err := q.InstanceCounts(ctx, s.pool)
	if err != nil {
		return m.counts
	}
	unknown, err := q.UnknownFlagCounts(ctx, s.pool)
	if err != nil {
		return m.counts
	}
	m.counts = &counts{of, unknown}
	return m.counts
}
