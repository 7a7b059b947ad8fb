package admin

import (
	"context"
	"time"

	"github.com/pennonhq/pennon/api"
	"github.com/pennonhq/pennon/control/access"
	"github.com/pennonhq/pennon/control/usage"
	"github.com/pennonhq/pennon/queries"
)

// FeatureUsageSchema sums up how a flag is used now.
type FeatureUsageSchema struct {
	Version          int                               `json:"version"`
	Maturity         string                            `json:"maturity"`
	FeatureName      string                            `json:"featureName"`
	LastHourUsage    []FeatureEnvironmentMetricsSchema `json:"lastHourUsage" nullable:"false"`
	SeenApplications []string                          `json:"seenApplications" nullable:"false"`
}

// FeatureMetricsSchema lists how often a flag was asked for, in steps of an hour or, over more than two days, of a day.
type FeatureMetricsSchema struct {
	Version  int                               `json:"version"`
	Maturity string                            `json:"maturity"`
	Data     []FeatureEnvironmentMetricsSchema `json:"data" nullable:"false"`
}

// FeatureEnvironmentMetricsSchema is how often a flag was on and off.
type FeatureEnvironmentMetricsSchema struct {
	FeatureName string           `json:"featureName,omitempty"`
	AppName     string           `json:"appName,omitempty"`
	Environment string           `json:"environment"`
	Timestamp   api.Time         `json:"timestamp" doc:"When the hour or day (UTC) began"`
	Yes         int64            `json:"yes" minimum:"0"`
	No          int64            `json:"no" minimum:"0"`
	Variants    map[string]int64 `json:"variants,omitempty" doc:"How often each variant was given"`
}

// UnknownFlagsResponseSchema lists names that applications ask for and no flag has.
type UnknownFlagsResponseSchema struct {
	UnknownFlags []UnknownFlagSchema `json:"unknownFlags" nullable:"false"`
}

// UnknownFlagSchema is a name that no flag has, and who asks for it.
type UnknownFlagSchema struct {
	Name        string              `json:"name"`
	LastSeenAt  api.Time            `json:"lastSeenAt"`
	LastEventAt *api.Time           `json:"lastEventAt" required:"false" nullable:"true" doc:"When a flag of that name last changed, if there was one"`
	Reports     []UnknownFlagReport `json:"reports" required:"false" nullable:"false"`
}

// UnknownFlagReport says where an application asks for the name.
type UnknownFlagReport struct {
	AppName      string                         `json:"appName"`
	Environments []UnknownFlagEnvironmentReport `json:"environments" nullable:"false"`
}

// UnknownFlagEnvironmentReport says when the name was last asked for in an environment.
type UnknownFlagEnvironmentReport struct {
	Environment string   `json:"environment"`
	SeenAt      api.Time `json:"seenAt"`
}

const (
	usageVersion  = 1
	usageMaturity = "stable"

	// maxHourlySteps is how many hours are listed one by one; longer spans are listed by day.
	maxHourlySteps = 48
)

type (
	featureUsageInput struct {
		Name string `path:"name" doc:"The flag's name"`
	}
	featureMetricsInput struct {
		Name      string `path:"name" doc:"The flag's name"`
		HoursBack int    `query:"hoursBack" minimum:"1" maximum:"2184" default:"24" doc:"How far back to go, at most as far as usage is kept; beyond 48 hours counts are summed up by day"`
	}
	featureUsageOutput   struct{ Body FeatureUsageSchema }
	featureMetricsOutput struct{ Body FeatureMetricsSchema }
	unknownFlagsOutput   struct{ Body UnknownFlagsResponseSchema }
)

func (a *API) registerFeatureUsage() {
	const tag = "Metrics"
	read(a, access.Anyone, op(get, "/client-metrics/features/{name}", "getFeatureUsageSummary", tag), a.featureUsage)
	read(a, access.Anyone, op(get, "/client-metrics/features/{name}/raw", "getRawFeatureMetrics", tag), a.featureMetrics)
	read(a, access.Anyone, op(get, "/metrics/unknown-flags", "getUnknownFlags", "Unknown Flags"), a.unknownFlags)
}

func (a *API) featureUsage(ctx context.Context, in *featureUsageInput) (*featureUsageOutput, error) {
	if err := usage.RequireKnown(ctx, a.pool, in.Name); err != nil {
		return nil, err
	}
	rows, err := lastHour(ctx, a.pool, in.Name)
	if err != nil {
		return nil, err
	}
	applications, err := q.FeatureApplications(ctx, a.pool, in.Name)
	out := &featureUsageOutput{Body: FeatureUsageSchema{
		Version: usageVersion, Maturity: usageMaturity, FeatureName: in.Name,
		LastHourUsage: []FeatureEnvironmentMetricsSchema{}, SeenApplications: applications,
	}}
	for _, row := range rows {
		out.Body.LastHourUsage = append(out.Body.LastHourUsage, FeatureEnvironmentMetricsSchema{
			Environment: row.Environment, Timestamp: api.At(row.Hour), Yes: row.Yes, No: row.No,
		})
	}
	return out, err
}

// lastHour reads how often a flag was asked for in the newest hour of each environment that is not long over.
func lastHour(ctx context.Context, db queries.DBTX, name string) ([]queries.FeatureUsageLastHourRow, error) {
	from := time.Now().UTC().Truncate(time.Hour).Add(-time.Hour)
	return q.FeatureUsageLastHour(ctx, db, queries.FeatureUsageLastHourParams{Feature: name, FromTime: from})
}

func (a *API) featureMetrics(ctx context.Context, in *featureMetricsInput) (*featureMetricsOutput, error) {
	if err := usage.RequireKnown(ctx, a.pool, in.Name); err != nil {
		return nil, err
	}
	steps, err := usage.History(ctx, a.pool, in.Name, usage.Span(time.Now(), in.HoursBack, maxHourlySteps))
	out := &featureMetricsOutput{Body: FeatureMetricsSchema{
		Version: usageVersion, Maturity: usageMaturity, Data: make([]FeatureEnvironmentMetricsSchema, len(steps)),
	}}
	for i, step := range steps {
		out.Body.Data[i] = FeatureEnvironmentMetricsSchema{
			FeatureName: in.Name, AppName: step.AppName, Environment: step.Environment, Timestamp: api.At(step.At),
			Yes: step.Yes, No: step.No, Variants: step.Variants,
		}
	}
	return out, err
}

func (a *API) unknownFlags(ctx context.Context, _ *struct{}) (*unknownFlagsOutput, error) {
	rows, err := q.UnknownFlagList(ctx, a.pool)
	return &unknownFlagsOutput{Body: unknownFlagsSchema(rows)}, err
}

// unknownFlagsSchema needs rows in order of name and application.
func unknownFlagsSchema(rows []queries.UnknownFlagListRow) UnknownFlagsResponseSchema {
	schema := UnknownFlagsResponseSchema{UnknownFlags: []UnknownFlagSchema{}}
	for _, row := range rows {
		if n := len(schema.UnknownFlags); n == 0 || schema.UnknownFlags[n-1].Name != row.Name {
			flag := UnknownFlagSchema{Name: row.Name}
			if row.LastEventAt.Unix() != 0 {
				flag.LastEventAt = api.AtOrNil(&row.LastEventAt)
			}
			schema.UnknownFlags = append(schema.UnknownFlags, flag)
		}
		flag := &schema.UnknownFlags[len(schema.UnknownFlags)-1]
		if row.SeenAt.After(flag.LastSeenAt.Time) {
			flag.LastSeenAt = api.At(row.SeenAt)
		}
		if n := len(flag.Reports); n == 0 || flag.Reports[n-1].AppName != row.AppName {
			flag.Reports = append(flag.Reports, UnknownFlagReport{AppName: row.AppName})
		}
		report := &flag.Reports[len(flag.Reports)-1]
		report.Environments = append(report.Environments, UnknownFlagEnvironmentReport{Environment: row.Environment, SeenAt: api.At(row.SeenAt)})
	}
	return schema
}
