package server

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/pennonhq/pennon/api/system"
	"github.com/pennonhq/pennon/fleet"
	"github.com/pennonhq/pennon/metrics"
	"github.com/pennonhq/pennon/queries"
	"github.com/pennonhq/pennon/replica"
	"github.com/pennonhq/pennon/sse"
)

const (
	// countEvery is how often the database is asked how much of everything there is, at most.
	countEvery = time.Minute

	// countTimeout bounds that question; a scrape waits for it.
	countTimeout = 2 * time.Second
)

// deliveryBounds are the buckets of the time from a change's commit to its message being handed to the system, in seconds.
var deliveryBounds = []float64{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10}

// propagationBounds are those of the time until a client has a change: polls take minutes.
var propagationBounds = []float64{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300}

// measured is what the server counts for Prometheus.
type measured struct {
	registry metrics.Registry
	requests *metrics.Requests
	delivery *metrics.Histogram

	propagation map[fleet.Kind]*metrics.Histogram

	changesMu sync.Mutex
	changes   map[string]uint64 // changesMu; of flags, by environment

	countsMu sync.Mutex // held while the database is asked
	counted  time.Time  // countsMu; when it was asked last
	counts   *counts    // countsMu; nil: not known
}

// counts is how much of everything there is in the database.
type counts struct {
	of      queries.InstanceCountsRow
	unknown queries.UnknownFlagCountsRow
}

func newMeasured() *measured {
	m := &measured{
		requests: metrics.NewRequests(isSDKPath),
		delivery: metrics.NewHistogram(deliveryBounds),
		changes:  map[string]uint64{},

		propagation: map[fleet.Kind]*metrics.Histogram{},
	}
	for _, kind := range fleet.Kinds {
		m.propagation[kind] = metrics.NewHistogram(propagationBounds)
	}
	return m
}

// isSDKPath reports whether SDKs, edges, browsers and apps ask for the path.
func isSDKPath(path string) bool {
	for _, prefix := range []string{"/api/client", "/api/frontend", "/api/proxy", "/proxy", "/ofrep", "/edge"} {
		if strings.HasPrefix(path, prefix) {
			return true
		}
	}
	return false
}

func (m *measured) delivered(d sse.Delivery) {
	m.delivery.Observe(max(d.After, 0).Seconds(), uint64(d.Messages)) // clocks may differ
}

// flagsChanged counts rows of the change log.
func (m *measured) flagsChanged(rows []replica.Row) {
	m.changesMu.Lock()
	defer m.changesMu.Unlock()
	for _, row := range rows {
		environment := row.Environment
		if environment == "" {
			environment = "n/a" // as Unleash has it
		}
		m.changes[environment]++
	}
}

// listenMetrics opens the port that Prometheus has of its own, if there is one.
func (s *Server) listenMetrics(ctx context.Context) (err error) {
	if s.config.MetricsOff || s.config.MetricsPort == nil {
		return nil
	}
	var listen net.ListenConfig
	s.metricsListener, err = listen.Listen(ctx, "tcp", net.JoinHostPort(s.config.Host, strconv.Itoa(*s.config.MetricsPort)))
	if err != nil {
		return fmt.Errorf("listen for metrics: %w", err)
	}
	return nil
}

// MetricsURL is where Prometheus scrapes.
func (s *Server) MetricsURL() string {
	if s.metricsListener == nil {
		return s.URL() + system.PathMetrics
	}
	return urlOf(s.metricsListener) + system.PathMetrics
}

// serveMetrics serves the port of its own until ctx is done.
func (s *Server) serveMetrics(ctx context.Context) error {
	if s.metricsListener == nil {
		return nil
	}
	router := chi.NewRouter()
	system.RegisterMetrics(router, &s.measured.registry, s.usage.Impact)
	own := &http.Server{Handler: router, ReadHeaderTimeout: readHeaderTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeaderBytes, ErrorLog: s.http.ErrorLog}
	stop := context.AfterFunc(ctx, func() { _ = own.Close() })
	defer stop()
	if err := own.Serve(s.metricsListener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve metrics: %w", err)
	}
	return nil
}
