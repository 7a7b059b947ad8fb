package admin

import (
	"context"
	"math"
	"time"

	"github.com/pennonhq/pennon/api"
	"github.com/pennonhq/pennon/control/access"
	"github.com/pennonhq/pennon/control/project"
	"github.com/pennonhq/pennon/queries"
)

// insightWindow is what current windows of statistics reach back; past windows are as long again.
const insightWindow = 30 * 24 * time.Hour

// ProjectStatsSchema is how a project has moved within the last 30 days (current) and the 30 days before (past). Pennon's
// projects have no members of their own yet, so none are added.
type ProjectStatsSchema struct {
	AvgTimeToProdCurrentWindow       float64 `json:"avgTimeToProdCurrentWindow" doc:"Days from a flag's making to its first time on in production"`
	CreatedCurrentWindow             int32   `json:"createdCurrentWindow"`
	CreatedPastWindow                int32   `json:"createdPastWindow"`
	ArchivedCurrentWindow            int32   `json:"archivedCurrentWindow"`
	ArchivedPastWindow               int32   `json:"archivedPastWindow"`
	ProjectActivityCurrentWindow     int32   `json:"projectActivityCurrentWindow" doc:"Changes, as the event log has them"`
	ProjectActivityPastWindow        int32   `json:"projectActivityPastWindow"`
	ProjectMembersAddedCurrentWindow int32   `json:"projectMembersAddedCurrentWindow"`
}

// ProjectDoraMetricsSchema is how long a project's flags took to production, in days.
type ProjectDoraMetricsSchema struct {
	ProjectAverage float64              `json:"projectAverage" required:"false"`
	Features       []DoraFeaturesSchema `json:"features" nullable:"false"`
}

// DoraFeaturesSchema is how many whole days passed between the making of a flag and its first time on in production.
type DoraFeaturesSchema struct {
	Name             string  `json:"name"`
	TimeToProduction float64 `json:"timeToProduction"`
}

// ProjectInsightsSchema is how a project is doing.
type ProjectInsightsSchema struct {
	Stats             ProjectStatsSchema       `json:"stats"`
	Health            ProjectRatingSchema      `json:"health"`
	TechnicalDebt     ProjectRatingSchema      `json:"technicalDebt"`
	LeadTime          ProjectDoraMetricsSchema `json:"leadTime"`
	FeatureTypeCounts []FeatureTypeCountSchema `json:"featureTypeCounts" nullable:"false"`
	Members           ProjectMemberChange      `json:"members"`
}

// ProjectRatingSchema rates a project from 0 to 100 by the flags it counts.
type ProjectRatingSchema struct {
	Rating                int   `json:"rating"`
	ActiveCount           int32 `json:"activeCount"`
	PotentiallyStaleCount int32 `json:"potentiallyStaleCount"`
	StaleCount            int32 `json:"staleCount"`
}

// ProjectMemberChange counts a project's members.
type ProjectMemberChange struct {
	CurrentMembers int32 `json:"currentMembers"`
	Change         int32 `json:"change"`
}

// HealthReportSchema is a project with all its flags.
type HealthReportSchema struct {
	Version               int                               `json:"version"`
	Name                  string                            `json:"name"`
	Description           *string                           `json:"description" nullable:"true"`
	DefaultStickiness     string                            `json:"defaultStickiness"`
	Mode                  string                            `json:"mode" enum:"open,protected,private"`
	FeatureLimit          *int32                            `json:"featureLimit" nullable:"true"`
	FeatureNaming         *CreateFeatureNamingPatternSchema `json:"featureNaming,omitempty"`
	Members               int32                             `json:"members"`
	Health                int                               `json:"health"`
	TechnicalDebt         int                               `json:"technicalDebt"`
	Favorite              bool                              `json:"favorite"`
	Stats                 ProjectStatsSchema                `json:"stats"`
	Environments          []ProjectEnvironmentSchema        `json:"environments" nullable:"false"`
	Features              []ProjectFeatureSchema            `json:"features" nullable:"false"`
	CreatedAt             api.Time                          `json:"createdAt"`
	UpdatedAt             api.Time                          `json:"updatedAt"`
	PotentiallyStaleCount int32                             `json:"potentiallyStaleCount"`
	ActiveCount           int32                             `json:"activeCount"`
	StaleCount            int32                             `json:"staleCount"`
}

type (
	projectDoraOutput     struct{ Body ProjectDoraMetricsSchema }
	projectInsightsOutput struct{ Body ProjectInsightsSchema }
	healthReportOutput    struct{ Body HealthReportSchema }
)

func (a *API) registerProjectInsights() {
	const tag, one = "Projects", "/projects/{projectId}"
	read(a, access.Anyone, op(get, one+"/dora", "getProjectDora", tag, deprecated), a.projectDora)
	read(a, access.Anyone, op(get, one+"/insights", "getProjectInsights", tag, deprecated), a.projectInsights)
	read(a, access.Anyone, op(get, one+"/health-report", "getProjectHealthReport", tag, deprecated), a.projectHealthReport)
}

func (a *API) projectDora(ctx context.Context, in *ProjectPath) (*projectDoraOutput, error) {
	if _, err := project.Get(ctx, a.pool, in.Project); err != nil {
		return nil, err
	}
	metrics, err := a.timesToProduction(ctx, in.Project)
	return &projectDoraOutput{metrics}, err
}

func (a *API) projectInsights(ctx context.Context, in *ProjectPath) (*projectInsightsOutput, error) {
	if _, err := project.Get(ctx, a.pool, in.Project); err != nil {
		return nil, err
	}
	out := &projectInsightsOutput{ProjectInsightsSchema{FeatureTypeCounts: []FeatureTypeCountSchema{}}}
	var err error
	if out.Body.Stats, err = a.projectStats(ctx, in.Project); err != nil {
		return nil, err
	}
	if out.Body.LeadTime, err = a.timesToProduction(ctx, in.Project); err != nil {
		return nil, err
	}
	health, err := q.ProjectHealth(ctx, a.pool, in.Project)
	if err != nil {
		return nil, err
	}
	debt := debtOf(health)
	out.Body.Health, out.Body.TechnicalDebt = ratingSchema(100-debt, health), ratingSchema(debt, health)
	types, err := q.ProjectFeatureTypes(ctx, a.pool, in.Project)
	for _, t := range types {
		out.Body.FeatureTypeCounts = append(out.Body.FeatureTypeCounts, FeatureTypeCountSchema{Type: t.Type, Count: t.Count})
	}
	return out, err
}

func (a *API) projectHealthReport(ctx context.Context, in *ProjectPath) (*healthReportOutput, error) {
	overview, err := a.projectOverview(ctx, in)
	if err != nil {
		return nil, err
	}
	flags, err := a.getFeatures(ctx, &featureProjectInput{*in})
	if err != nil {
		return nil, err
	}
	health, err := q.ProjectHealth(ctx, a.pool, in.Project)
	p := overview.Body
	return &healthReportOutput{HealthReportSchema{
		Version: 1, Name: p.Name, Description: p.Description, DefaultStickiness: p.DefaultStickiness, Mode: p.Mode,
		FeatureLimit: p.FeatureLimit, FeatureNaming: p.FeatureNaming, Members: p.Members, Health: p.Health,
		TechnicalDebt: p.TechnicalDebt, Favorite: p.Favorite, Stats: p.Stats, Environments: p.Environments,
		Features: flags.Body.Features, CreatedAt: p.CreatedAt, UpdatedAt: p.UpdatedAt,
		PotentiallyStaleCount: health.PotentiallyStale, ActiveCount: health.Active, StaleCount: health.Stale,
	}}, err
}

// projectStats reads what has happened in a project of late.
func (a *API) projectStats(ctx context.Context, id string) (ProjectStatsSchema, error) {
	since := time.Now().Add(-insightWindow)
	before := since.Add(-insightWindow)
	flags, err := q.ProjectFlagWindows(ctx, a.pool, queries.ProjectFlagWindowsParams{Project: id, Since: since, Before: before})
	if err != nil {
		return ProjectStatsSchema{}, err
	}
	events, err := q.ProjectEventWindows(ctx, a.pool, queries.ProjectEventWindowsParams{Project: id, Since: since, Before: before})
	if err != nil {
		return ProjectStatsSchema{}, err
	}
	days, err := q.ProjectTimeToProduction(ctx, a.pool, queries.ProjectTimeToProductionParams{Project: id, Since: since})
	return ProjectStatsSchema{
		AvgTimeToProdCurrentWindow: tenths(days), CreatedCurrentWindow: flags.Created, CreatedPastWindow: flags.CreatedBefore,
		ArchivedCurrentWindow: flags.Archived, ArchivedPastWindow: flags.ArchivedBefore,
		ProjectActivityCurrentWindow: events.Changes, ProjectActivityPastWindow: events.ChangesBefore,
	}, err
}

func (a *API) timesToProduction(ctx context.Context, id string) (ProjectDoraMetricsSchema, error) {
	rows, err := q.ProjectTimesToProduction(ctx, a.pool, id)
	schema, sum := ProjectDoraMetricsSchema{Features: make([]DoraFeaturesSchema, len(rows))}, 0.0
	for i, row := range rows {
		schema.Features[i] = DoraFeaturesSchema{Name: row.Name, TimeToProduction: float64(row.Days)}
		sum += float64(row.Days)
	}
	if len(rows) > 0 {
		schema.ProjectAverage = tenths(sum / float64(len(rows)))
	}
	return schema, err
}

func ratingSchema(rating int, h queries.ProjectHealthRow) ProjectRatingSchema {
	return ProjectRatingSchema{
		Rating: rating, ActiveCount: h.Active, PotentiallyStaleCount: h.PotentiallyStale, StaleCount: h.Stale,
	}
}

// debtOf is the share of flags that are stale or potentially so, in percent.
func debtOf(h queries.ProjectHealthRow) int {
	if h.Active+h.Stale == 0 {
		return 0
	}
	return int(math.Round(100 * float64(h.PotentiallyStale+h.Stale) / float64(h.Active+h.Stale)))
}

// tenths rounds to one digit after the point.
func tenths(n float64) float64 { return math.Round(n*10) / 10 }
