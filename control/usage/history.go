package usage

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/pennonhq/pennon/fault"
	"github.com/pennonhq/pennon/queries"
)

// Steps are equal stretches of time: From is when the first begins, Last when the last one does. Each is Length long.
type Steps struct {
	From, Last time.Time
	Length     time.Duration // an hour or a day
}

// Span divides the last hours before now, the running one included, into hours; into days (UTC) when there are more than
// maxHours. It does not reach further back than usage is kept, where zero would mean unknown.
func Span(now time.Time, hours, maxHours int) Steps {
	length := time.Hour
	if hours > maxHours {
		length = 24 * time.Hour
	}
	last := now.UTC().Truncate(length)
	from := now.UTC().Truncate(time.Hour).Add(-time.Duration(hours-1) * time.Hour)
	if kept := now.UTC().Add(-DefaultRetention); from.Before(kept) {
		from = kept.Add(length - 1) // the first whole step
	}
	return Steps{From: from.Truncate(length), Last: last, Length: length}
}

// Step is how often a flag was asked for by an application in an environment.
type Step struct {
	At          time.Time // when the step began
	AppName     string
	Environment string
	Yes, No     int64
	Variants    map[string]int64 // nil when no variant was given
}

// source is who reports.
type source struct{ app, environment string }

// History lists how often a flag was asked for, step by step, for each application and environment that asked at all in
// that time. Steps in which it was not asked for are listed with zero.
func History(ctx context.Context, db queries.DBTX, feature string, steps Steps) ([]Step, error) {
	unit := "hour"
	if steps.Length > time.Hour {
		unit = "day"
	}
	end := steps.Last.Add(steps.Length - 1)
	rows, err := q.FeatureUsageList(ctx, db, queries.FeatureUsageListParams{Unit: unit, Feature: feature, FromTime: steps.From, ToTime: end})
	if err != nil {
		return nil, fmt.Errorf("read usage of flag: %w", err)
	}
	variants, err := q.FeatureUsageVariantList(ctx, db, queries.FeatureUsageVariantListParams{
		Unit: unit, Feature: feature, FromTime: steps.From, ToTime: end,
	})
	if err != nil {
		return nil, fmt.Errorf("read usage of variants: %w", err)
	}
	type place struct {
		at int64
		source
	}
	var sources []source
	places := map[place]int{}
	counted := make([]Step, len(rows))
	known := map[source]bool{}
	for i, row := range rows {
		of := source{row.AppName, row.Environment}
		if !known[of] {
			known[of] = true
			sources = append(sources, of)
		}
		counted[i] = Step{At: row.At, AppName: row.AppName, Environment: row.Environment, Yes: row.Yes, No: row.No}
		places[place{row.At.Unix(), of}] = i
	}
	for _, row := range variants {
		i, ok := places[place{row.At.Unix(), source{row.AppName, row.Environment}}]
		if !ok {
			continue
		}
		if counted[i].Variants == nil {
			counted[i].Variants = map[string]int64{}
		}
		counted[i].Variants[row.Variant] = row.Count
	}
	slices.SortFunc(sources, func(a, b source) int {
		return cmp.Or(strings.Compare(a.app, b.app), strings.Compare(a.environment, b.environment))
	})
	list := []Step{}
	for at := steps.From; !at.After(steps.Last); at = at.Add(steps.Length) {
		for _, of := range sources {
			step := Step{At: at, AppName: of.app, Environment: of.environment}
			if i, ok := places[place{at.Unix(), of}]; ok {
				step = counted[i]
			}
			list = append(list, step)
		}
	}
	return list, nil
}

// RequireKnown fails when there is no flag of that name and none was asked for.
func RequireKnown(ctx context.Context, db queries.DBTX, feature string) error {
	known, err := q.FeatureUsageKnown(ctx, db, feature)
	if err != nil {
		return fmt.Errorf("read flag: %w", err)
	}
	if !known {
		return fault.New(fault.NotFound, "Could not find feature flag %s", feature)
	}
	return nil
}
