package admin

import (
	"context"
	"time"

	"github.com/pennonhq/pennon/control/access"
	"github.com/pennonhq/pennon/control/project"
	"github.com/pennonhq/pennon/queries"
)

// activityDays is how far back the activity of a project is told.
const activityDays = 365

// ProjectStatusSchema is what a project has and how its flags get on.
type ProjectStatusSchema struct {
	ActivityCountByDate []ProjectActivityDay     `json:"activityCountByDate" nullable:"false" doc:"Days (UTC) of the last year with changes"`
	Health              ProjectPercentage        `json:"health"`
	TechnicalDebt       ProjectPercentage        `json:"technicalDebt"`
	Resources           ProjectResourcesSchema   `json:"resources"`
	StaleFlags          ProjectStaleFlags        `json:"staleFlags"`
	LifecycleSummary    LifecycleSummaryOfStages `json:"lifecycleSummary"`
}

// ProjectActivityDay is how often a project was changed on a day.
type ProjectActivityDay struct {
	Date  string `json:"date" example:"2026-01-31"`
	Count int32  `json:"count"`
}

// ProjectPercentage is a share as it is now.
type ProjectPercentage struct {
	Current int `json:"current"`
}

// ProjectResourcesSchema counts what a project has of its own.
type ProjectResourcesSchema struct {
	APITokens int32 `json:"apiTokens"`
	Members   int32 `json:"members"`
	Segments  int32 `json:"segments"`
}

// ProjectStaleFlags counts flags that are stale or potentially so.
type ProjectStaleFlags struct {
	Total int32 `json:"total"`
}

// LifecycleSummaryOfStages tells of every stage in the life of a project's flags.
type LifecycleSummaryOfStages struct {
	Initial   LifecycleStageSummary   `json:"initial"`
	PreLive   LifecycleStageSummary   `json:"preLive"`
	Live      LifecycleStageSummary   `json:"live"`
	Completed LifecycleStageSummary   `json:"completed"`
	Archived  LifecycleArchiveSummary `json:"archived"`
}

// LifecycleStageSummary tells of one stage.
type LifecycleStageSummary struct {
	AverageDays  *float64 `json:"averageDays" nullable:"true" doc:"How long flags that left the stage were in it; null when none did"`
	CurrentFlags int32    `json:"currentFlags"`
}

// LifecycleArchiveSummary tells of archived flags.
type LifecycleArchiveSummary struct {
	CurrentFlags int32 `json:"currentFlags"`
	Last30Days   int32 `json:"last30Days"`
}

// ProjectFlagCreatorSchema is someone who made flags.
type ProjectFlagCreatorSchema struct {
	ID   int32  `json:"id"`
	Name string `json:"name"`
}

type (
	projectStatusOutput struct{ Body ProjectStatusSchema }
	flagCreatorsOutput  struct{ Body []ProjectFlagCreatorSchema }
)

func (a *API) registerProjectStatus() {
	const tag = "Projects"
	read(a, access.Anyone, op(get, "/projects/{projectId}/status", "getProjectStatus", tag), a.projectStatus)
	read(a, access.Anyone, op(get, "/projects/{projectId}/flag-creators", "getProjectFlagCreators", tag), a.projectFlagCreators)
	read(a, access.Anyone, op(get, "/flag-creators", "getFlagCreators", tag), a.flagCreators)
}

func (a *API) projectStatus(ctx context.Context, in *ProjectPath) (*projectStatusOutput, error) {
	if _, err := project.Get(ctx, a.pool, in.Project); err != nil {
		return nil, err
	}
	since := time.Now().UTC().Truncate(24*time.Hour).AddDate(0, 0, -activityDays)
	days, err := q.ProjectChangesByDay(ctx, a.pool, queries.ProjectChangesByDayParams{Project: in.Project, Since: since})
	if err != nil {
		return nil, err
	}
	resources, err := q.ProjectResources(ctx, a.pool, in.Project)
	if err != nil {
		return nil, err
	}
	health, err := q.ProjectHealth(ctx, a.pool, in.Project)
	if err != nil {
		return nil, err
	}
	life, err := q.ProjectLifecycle(ctx, a.pool, in.Project)
	debt := debtOf(health)
	out := &projectStatusOutput{ProjectStatusSchema{
		ActivityCountByDate: make([]ProjectActivityDay, len(days)),
		Health:              ProjectPercentage{100 - debt}, TechnicalDebt: ProjectPercentage{debt},
		Resources:        ProjectResourcesSchema{APITokens: resources.Tokens, Segments: resources.Segments},
		StaleFlags:       ProjectStaleFlags{health.PotentiallyStale + health.Stale},
		LifecycleSummary: lifecycleSummary(life),
	}}
	for i, day := range days {
		out.Body.ActivityCountByDate[i] = ProjectActivityDay{Date: day.Day, Count: day.Changes}
	}
	return out, err
}

func (a *API) projectFlagCreators(ctx context.Context, in *ProjectPath) (*flagCreatorsOutput, error) {
	if _, err := project.Get(ctx, a.pool, in.Project); err != nil {
		return nil, err
	}
	return a.creators(ctx, &in.Project)
}

func (a *API) flagCreators(ctx context.Context, _ *struct{}) (*flagCreatorsOutput, error) {
	return a.creators(ctx, nil)
}

func (a *API) creators(ctx context.Context, project *string) (*flagCreatorsOutput, error) {
	rows, err := q.FeatureCreatorList(ctx, a.pool, project)
	out := &flagCreatorsOutput{make([]ProjectFlagCreatorSchema, len(rows))}
	for i, row := range rows {
		out.Body[i] = ProjectFlagCreatorSchema{ID: row.ID, Name: row.Name}
	}
	return out, err
}

func lifecycleSummary(l queries.ProjectLifecycleRow) LifecycleSummaryOfStages {
	stage := func(flags int32, days float64) LifecycleStageSummary {
		if days < 0 { // of no flag
			return LifecycleStageSummary{CurrentFlags: flags}
		}
		days = tenths(days)
		return LifecycleStageSummary{CurrentFlags: flags, AverageDays: &days}
	}
	return LifecycleSummaryOfStages{
		Initial: stage(l.Initial, l.InitialDays), PreLive: stage(l.PreLive, l.PreLiveDays),
		Live: stage(l.Live, l.LiveDays), Completed: stage(l.Completed, l.CompletedDays),
		Archived: LifecycleArchiveSummary{CurrentFlags: l.Archived, Last30Days: l.ArchivedLately},
	}
}
