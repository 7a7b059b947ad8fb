package admin

import (
	"context"
	"encoding/csv"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"github.com/pennonhq/pennon/api"
	"github.com/pennonhq/pennon/control/access"
	"github.com/pennonhq/pennon/queries"
)

// InstanceAdminStatsSchema counts what an instance has. What Pennon does not have (users and roles of its own, release
// templates, read-only users) is counted as none.
type InstanceAdminStatsSchema struct {
	InstanceID               string             `json:"instanceId"`
	Timestamp                api.Time           `json:"timestamp" required:"false"`
	VersionOSS               string             `json:"versionOSS" required:"false"`
	VersionEnterprise        string             `json:"versionEnterprise" required:"false"`
	Users                    int64              `json:"users" required:"false"`
	ActiveUsers              ActiveUsers        `json:"activeUsers" required:"false"`
	LicensedUsers            int64              `json:"licensedUsers" required:"false"`
	ReadOnlyUsers            int64              `json:"readOnlyUsers" required:"false"`
	FeatureToggles           int64              `json:"featureToggles" required:"false"`
	Projects                 int64              `json:"projects" required:"false"`
	ContextFields            int64              `json:"contextFields" required:"false"`
	Roles                    int64              `json:"roles" required:"false"`
	Groups                   int64              `json:"groups" required:"false"`
	Environments             int64              `json:"environments" required:"false"`
	Segments                 int64              `json:"segments" required:"false"`
	Strategies               int64              `json:"strategies" required:"false"`
	SAMLEnabled              bool               `json:"SAMLenabled" required:"false"`
	OIDCEnabled              bool               `json:"OIDCenabled" required:"false"`
	ClientApps               []ClientApps       `json:"clientApps" required:"false" nullable:"false"`
	APITokens                APITokenCounts     `json:"apiTokens" required:"false"`
	FeatureExports           int64              `json:"featureExports" required:"false"`
	FeatureImports           int64              `json:"featureImports" required:"false"`
	ProductionChanges        ProductionChanges  `json:"productionChanges" required:"false"`
	PreviousDayBuckets       PreviousDayBuckets `json:"previousDayMetricsBucketsCount" required:"false"`
	MaxEnvironmentStrategies int64              `json:"maxEnvironmentStrategies" required:"false"`
	MaxConstraints           int64              `json:"maxConstraints" required:"false"`
	MaxConstraintValues      int64              `json:"maxConstraintValues" required:"false"`
	ReleaseTemplates         int64              `json:"releaseTemplates" required:"false"`
	ReleasePlans             int64              `json:"releasePlans" required:"false"`
}

// ActiveUsers counts users who were there in the last days.
type ActiveUsers struct {
	Last7  int64 `json:"last7"`
	Last30 int64 `json:"last30"`
	Last60 int64 `json:"last60"`
	Last90 int64 `json:"last90"`
}

// ClientApps counts applications that reported within a time.
type ClientApps struct {
	Range string `json:"range" enum:"allTime,30d,7d"`
	Count int64  `json:"count"`
}

// APITokenCounts counts API tokens by what they open.
type APITokenCounts struct {
	Admin    int64 `json:"admin"`
	Client   int64 `json:"client"`
	Frontend int64 `json:"frontend"`
}

// ProductionChanges counts audit events in environments of type production.
type ProductionChanges struct {
	Last30 int64 `json:"last30"`
	Last60 int64 `json:"last60"`
	Last90 int64 `json:"last90"`
}

// PreviousDayBuckets counts rows of usage of the last whole day.
type PreviousDayBuckets struct {
	EnabledCount int64 `json:"enabledCount"`
	VariantCount int64 `json:"variantCount"`
}

// TelemetrySettingsSchema says what the server tells its makers: nothing.
type TelemetrySettingsSchema struct {
	VersionInfoCollectionEnabled bool `json:"versionInfoCollectionEnabled"`
	FeatureInfoCollectionEnabled bool `json:"featureInfoCollectionEnabled"`
}

type (
	statisticsOutput    struct{ Body InstanceAdminStatsSchema }
	statisticsCSVOutput struct {
		ContentType        string `header:"Content-Type"`
		ContentDisposition string `header:"Content-Disposition"`
		Body               []byte
	}
	telemetryOutput struct{ Body TelemetrySettingsSchema }
)

func (a *API) registerInstance() {
	const tag = "Instance Admin"
	read(a, access.Anyone, op(get, "/instance-admin/statistics", "getInstanceAdminStats", tag), a.statistics)
	read(a, access.Anyone, op(get, "/instance-admin/statistics/csv", "getInstanceAdminStatsCsv", tag, csvAnswer), a.statisticsCSV)
	read(a, access.Anyone, op(get, "/telemetry/settings", "getTelemetrySettings", "Telemetry"), a.telemetry)
}

func csvAnswer(o *huma.Operation) {
	o.Responses = map[string]*huma.Response{"200": {
		Description: "A line of names and a line of values",
		Content:     map[string]*huma.MediaType{"text/csv": {Schema: &huma.Schema{Type: huma.TypeString}}},
	}}
}

func (a *API) telemetry(context.Context, *struct{}) (*telemetryOutput, error) {
	return &telemetryOutput{}, nil
}

func (a *API) statistics(ctx context.Context, _ *struct{}) (*statisticsOutput, error) {
	id, err := q.InstanceID(ctx, a.pool)
	if err != nil {
		return nil, err
	}
	counts, err := q.InstanceCounts(ctx, a.pool)
	if err != nil {
		return nil, err
	}
	changes, err := q.InstanceProductionChanges(ctx, a.pool)
	if err != nil {
		return nil, err
	}
	today := time.Now().UTC().Truncate(24 * time.Hour)
	buckets, err := q.InstanceUsageBuckets(ctx, a.pool, queries.InstanceUsageBucketsParams{FromTime: today.AddDate(0, 0, -1), ToTime: today})
	if err != nil {
		return nil, err
	}
	maxima, err := q.InstanceStrategyMaxima(ctx, a.pool)
	if err != nil {
		return nil, err
	}
	schema := instanceAdminStatsSchema(id, counts, changes, buckets, maxima)
	schema.VersionOSS = a.http.Config().Build
	return &statisticsOutput{Body: schema}, nil
}

func (a *API) statisticsCSV(ctx context.Context, in *struct{}) (*statisticsCSVOutput, error) {
	statistics, err := a.statistics(ctx, in)
	if err != nil {
		return nil, err
	}
	s := statistics.Body
	var names, values []string
	add := func(name, value string) { names, values = append(names, name), append(values, value) }
	add("instanceId", s.InstanceID)
	add("timestamp", s.Timestamp.UTC().Format(time.RFC3339))
	add("versionOSS", s.VersionOSS)
	for _, count := range []struct {
		name  string
		value int64
	}{
		{"users", s.Users},
		{"featureToggles", s.FeatureToggles},
		{"projects", s.Projects},
		{"contextFields", s.ContextFields},
		{"roles", s.Roles},
		{"groups", s.Groups},
		{"environments", s.Environments},
		{"segments", s.Segments},
		{"strategies", s.Strategies},
		{"clientApps.allTime", s.ClientApps[2].Count},
		{"clientApps.30d", s.ClientApps[1].Count},
		{"clientApps.7d", s.ClientApps[0].Count},
		{"apiTokens.admin", s.APITokens.Admin},
		{"apiTokens.client", s.APITokens.Client},
		{"apiTokens.frontend", s.APITokens.Frontend},
		{"featureExports", s.FeatureExports},
		{"featureImports", s.FeatureImports},
		{"productionChanges.last30", s.ProductionChanges.Last30},
		{"productionChanges.last60", s.ProductionChanges.Last60},
		{"productionChanges.last90", s.ProductionChanges.Last90},
		{"previousDayMetricsBucketsCount.enabledCount", s.PreviousDayBuckets.EnabledCount},
		{"previousDayMetricsBucketsCount.variantCount", s.PreviousDayBuckets.VariantCount},
		{"maxEnvironmentStrategies", s.MaxEnvironmentStrategies},
		{"maxConstraints", s.MaxConstraints},
		{"maxConstraintValues", s.MaxConstraintValues},
	} {
		add(count.name, strconv.FormatInt(count.value, 10))
	}
	var text strings.Builder
	out := csv.NewWriter(&text)
	if err := out.WriteAll([][]string{names, values}); err != nil {
		return nil, err
	}
	return &statisticsCSVOutput{
		ContentType: "text/csv; charset=utf-8", ContentDisposition: `attachment; filename="instance.csv"`, Body: []byte(text.String()),
	}, nil
}

func instanceAdminStatsSchema(
	id uuid.UUID, counts queries.InstanceCountsRow, changes queries.InstanceProductionChangesRow,
	buckets queries.InstanceUsageBucketsRow, maxima queries.InstanceStrategyMaximaRow,
) InstanceAdminStatsSchema {
	return InstanceAdminStatsSchema{
		InstanceID: id.String(), Timestamp: api.At(time.Now()),
		FeatureToggles: counts.Features, Projects: counts.Projects, ContextFields: counts.ContextFields,
		Environments: counts.Environments, Segments: counts.Segments, Strategies: counts.Strategies,
		ClientApps: []ClientApps{
			{Range: "7d", Count: counts.Applications7Days},
			{Range: "30d", Count: counts.Applications30Days},
			{Range: "allTime", Count: counts.Applications},
		},
		APITokens:      APITokenCounts{Admin: counts.AdminTokens, Client: counts.ClientTokens, Frontend: counts.FrontendTokens},
		FeatureExports: counts.Exports, FeatureImports: counts.Imports,
		ProductionChanges:        ProductionChanges{Last30: changes.Days30, Last60: changes.Days60, Last90: changes.Days90},
		PreviousDayBuckets:       PreviousDayBuckets{EnabledCount: buckets.Counts, VariantCount: buckets.Variants},
		MaxEnvironmentStrategies: maxima.Strategies, MaxConstraints: maxima.Constraints, MaxConstraintValues: maxima.ConstraintValues,
	}
}
