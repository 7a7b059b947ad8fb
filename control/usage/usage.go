// Package usage writes what SDKs report to PostgreSQL: counts a flag, application, environment and hour, when a flag was
// last asked for and by whom, names that no flag has, and the applications and instances there are. None of its tables is
// watched by the change log, so usage never notifies anybody. It may import queries, fault, control/event and the data
// plane's usage package.
package usage

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/pennonhq/pennon/queries"
	"github.com/pennonhq/pennon/usage"
)

// How often things happen.
const (
	FlushInterval = 5 * time.Second  // as Unleash flushes metrics
	flushTimeout  = 30 * time.Second // of one flush, also of the last one at shutdown
	pruneInterval = time.Hour
)

// DefaultRetention is how long hourly counts and silent instances are kept.
const DefaultRetention = 30 * 24 * time.Hour

// maxRows bounds one statement.
const maxRows = 5000

var q = queries.New()

// Flusher moves a usage.Buffer's batches into the database, in transactions of bounded size.
type Flusher struct {
	Buffer    *usage.Buffer
	Impact    *usage.Impact // takes the impact metrics, which are not stored; nil: nobody
	Pool      *pgxpool.Pool
	Logger    *slog.Logger
	Interval  time.Duration // 0 means FlushInterval
	Retention time.Duration // 0 means DefaultRetention

	doubt    doubt
	failures atomic.Int64
	taking   chan struct{} // holds one a Take that is under way
	once     sync.Once     // makes taking
}

// Failures is how many flushes have failed since the start.
func (f *Flusher) Failures() int64 { return f.failures.Load() }

// Run flushes until ctx is done, and once more after that. What cannot be written is kept and tried again.
func (f *Flusher) Run(ctx context.Context) error {
	interval := f.Interval
	if interval == 0 {
		interval = FlushInterval
	}
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	pruned := time.Time{}
	for {
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), flushTimeout)
			defer cancel()
			f.flushLogged(last)
			return nil
		case now := <-ticker.C:
			f.flushLogged(ctx)
			if now.Sub(pruned) >= pruneInterval {
				f.prune(ctx, now)
				pruned = now
			}
		}
	}
}

func (f *Flusher) flushLogged(ctx context.Context) {
	if err := f.Flush(ctx); err != nil {
		f.failures.Add(1)
		f.Logger.Warn("usage could not be stored and is kept for the next try", "component", "usage", "err", err)
	}
}

func writeCounts(ctx context.Context, tx pgx.Tx, counts map[usage.Key]usage.Count) error {
	var rows queries.ClientMetricsAddParams
	var variants queries.ClientMetricsVariantsAddParams
	for key, count := range counts {
		rows.Features = append(rows.Features, key.Feature)
		rows.AppNames = append(rows.AppNames, key.App)
		rows.Environments = append(rows.Environments, key.Environment)
		rows.Hours = append(rows.Hours, key.Hour)
		rows.Yes = append(rows.Yes, count.Yes)
		rows.No = append(rows.No, count.No)
		for name, n := range count.Variants {
			variants.Features = append(variants.Features, key.Feature)
			variants.AppNames = append(variants.AppNames, key.App)
			variants.Environments = append(variants.Environments, key.Environment)
			variants.Hours = append(variants.Hours, key.Hour)
			variants.Variants = append(variants.Variants, name)
			variants.Counts = append(variants.Counts, n)
		}
		if len(rows.Features) >= maxRows || len(variants.Features) >= maxRows {
			if err := addCounts(ctx, tx, rows, variants); err != nil {
				return err
			}
			rows, variants = queries.ClientMetricsAddParams{}, queries.ClientMetricsVariantsAddParams{}
		}
	}
	return addCounts(ctx, tx, rows, variants)
}

func addCounts(ctx context.Context, tx pgx.Tx, rows queries.ClientMetricsAddParams, variants queries.ClientMetricsVariantsAddParams) error {
	if len(rows.Features) > 0 {
		if err := q.ClientMetricsAdd(ctx, tx, rows); err != nil {
			return fmt.Errorf("add counts: %w", err)
		}
	}
	if len(variants.Features) > 0 {
		if err := q.ClientMetricsVariantsAdd(ctx, tx, variants); err != nil {
			return fmt.Errorf("add variant counts: %w", err)
		}
	}
	return nil
}

// writeLastSeen notes the hour's end, or now when the hour is not over, as the last time a flag was asked for.
func writeLastSeen(ctx context.Context, tx pgx.Tx, counts map[usage.Key]usage.Count) error {
	type flag struct{ feature, environment string }
	now := time.Now()
	seen := map[flag]time.Time{}
	for key := range counts {
		at := key.Hour.Add(time.Hour)
		if at.After(now) {
			at = now
		}
		if of := (flag{key.Feature, key.Environment}); at.After(seen[of]) {
			seen[of] = at
		}
	}
	var rows queries.FeatureLastSeenSetParams
	for of, at := range seen {
		rows.Features = append(rows.Features, of.feature)
		rows.Environments = append(rows.Environments, of.environment)
		rows.LastSeenAt = append(rows.LastSeenAt, at)
	}
	if len(rows.Features) == 0 {
		return nil
	}
	if err := q.FeatureLastSeenSet(ctx, tx, rows); err != nil {
		return fmt.Errorf("set last seen: %w", err)
	}
	return nil
}

func writeInstances(ctx context.Context, tx pgx.Tx, instances map[usage.InstanceKey]usage.Instance) error {
	if len(instances) == 0 {
		return nil
	}
	type application struct {
		strategies []string
		seenAt     time.Time
	}
	applications := map[string]application{}
	var rows queries.ClientInstancesSeenParams
	for key, instance := range instances {
		rows.AppNames = append(rows.AppNames, key.App)
		rows.Environments = append(rows.Environments, key.Environment)
		rows.InstanceIds = append(rows.InstanceIds, key.ID)
		rows.ConnectionIds = append(rows.ConnectionIds, instance.ConnectionID)
		rows.SdkVersions = append(rows.SdkVersions, instance.SDKVersion)
		rows.SdkTypes = append(rows.SdkTypes, instance.SDKType)
		rows.PlatformNames = append(rows.PlatformNames, instance.PlatformName)
		rows.PlatformVersions = append(rows.PlatformVersions, instance.PlatformVersion)
		rows.SpecVersions = append(rows.SpecVersions, instance.SpecVersion)
		rows.ClientIps = append(rows.ClientIps, instance.ClientIP)
		rows.StartedAt = append(rows.StartedAt, epochIfZero(instance.Started))
		rows.SeenAt = append(rows.SeenAt, instance.SeenAt)
		app := applications[key.App]
		app.strategies = append(app.strategies, instance.Strategies...)
		if instance.SeenAt.After(app.seenAt) {
			app.seenAt = instance.SeenAt
		}
		applications[key.App] = app
	}
	var apps queries.ClientApplicationsSeenParams
	for name, app := range applications {
		slices.Sort(app.strategies)
		strategies, err := json.Marshal(append([]string{}, slices.Compact(app.strategies)...))
		if err != nil {
			return fmt.Errorf("encode strategies: %w", err)
		}
		apps.AppNames = append(apps.AppNames, name)
		apps.Strategies = append(apps.Strategies, string(strategies))
		apps.SeenAt = append(apps.SeenAt, app.seenAt)
	}
	if err := q.ClientApplicationsSeen(ctx, tx, apps); err != nil {
		return fmt.Errorf("note applications: %w", err)
	}
	if err := q.ClientInstancesSeen(ctx, tx, rows); err != nil {
		return fmt.Errorf("note instances: %w", err)
	}
	return nil
}

// epochIfZero stands in for an unknown time: PostgreSQL arrays of timestamps are sent without NULLs.
func epochIfZero(t time.Time) time.Time {
	if t.IsZero() {
		return time.Unix(0, 0)
	}
	return t
}

// prune deletes what is older than the retention.
func (f *Flusher) prune(ctx context.Context, now time.Time) {
	retention := f.Retention
	if retention == 0 {
		retention = DefaultRetention
	}
	for name, old := range map[string]struct {
		delete func(context.Context, queries.DBTX, time.Time) (int64, error)
		after  time.Duration
	}{
		"client_metrics":          {q.ClientMetricsPrune, retention},
		"client_metrics_variants": {q.ClientMetricsVariantsPrune, retention},
		"client_instances":        {q.ClientInstancesPrune, retention},
		"application_features":    {q.ApplicationFeaturesPrune, retention},
		"unknown_flags":           {q.UnknownFlagsPrune, min(retention, unknownRetention)},
		"usage_senders":           {q.UsageSendersPrune, senderRetention},
	} {
		if _, err := old.delete(ctx, f.Pool, now.Add(-old.after)); err != nil {
			f.Logger.Warn("old usage could not be deleted", "component", "usage", "table", name, "err", err)
		}
	}
}
