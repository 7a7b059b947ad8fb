package admin

import (
	"context"
	"sort"

	"github.com/pennonhq/pennon/api"
	"github.com/pennonhq/pennon/control/access"
	"github.com/pennonhq/pennon/control/event"
	"github.com/pennonhq/pennon/control/project"
	"github.com/pennonhq/pennon/queries"
)

// How much a dashboard holds at most.
const (
	maxPersonalFlags = 500
	maxLatestEvents  = 10
)

// PersonalDashboardSchema is where the caller works. Pennon has no users of its own yet: there are no administrators and
// owners to name.
type PersonalDashboardSchema struct {
	Admins        []PersonSchema          `json:"admins" nullable:"false"`
	ProjectOwners []ProjectPersonSchema   `json:"projectOwners" nullable:"false"`
	Projects      []PersonalProjectSchema `json:"projects" nullable:"false" doc:"Active projects, the caller's favourites first"`
	Flags         []PersonalFlagSchema    `json:"flags" nullable:"false" doc:"Flags that the caller made or has among the favourites"`
}

// PersonSchema is somebody.
type PersonSchema struct {
	ID       int32  `json:"id"`
	Name     string `json:"name,omitempty"`
	Username string `json:"username,omitempty"`
	ImageURL string `json:"imageUrl,omitempty"`
	Email    string `json:"email,omitempty"`
}

// ProjectPersonSchema is a user who owns a project.
type ProjectPersonSchema struct {
	OwnerType string  `json:"ownerType" enum:"user"`
	Name      string  `json:"name"`
	ImageURL  *string `json:"imageUrl,omitempty" nullable:"true"`
	Email     *string `json:"email,omitempty" nullable:"true"`
}

// PersonalProjectSchema is a project in short.
type PersonalProjectSchema struct {
	ID            string `json:"id"`
	Name          string `json:"name"`
	Health        int    `json:"health"`
	TechnicalDebt int    `json:"technicalDebt"`
	MemberCount   int32  `json:"memberCount"`
	FeatureCount  int32  `json:"featureCount"`
}

// PersonalFlagSchema is a flag in short.
type PersonalFlagSchema struct {
	Name    string `json:"name"`
	Project string `json:"project"`
	Type    string `json:"type"`
}

// PersonalDashboardProjectDetailsSchema is one project of the dashboard.
type PersonalDashboardProjectDetailsSchema struct {
	Insights         PersonalInsightsSchema `json:"insights"`
	OnboardingStatus OnboardingStatusSchema `json:"onboardingStatus"`
	LatestEvents     []LatestEventSchema    `json:"latestEvents" nullable:"false"`
	Owners           []ProjectOwnerSchema   `json:"owners" nullable:"false"`
	Roles            []PersonalRoleSchema   `json:"roles" nullable:"false" doc:"The caller's in the project"`
}

// PersonalInsightsSchema counts a project's flags. How healthy it was is not kept, so the windows are null.
type PersonalInsightsSchema struct {
	AvgHealthCurrentWindow *int  `json:"avgHealthCurrentWindow" nullable:"true"`
	AvgHealthPastWindow    *int  `json:"avgHealthPastWindow" nullable:"true"`
	TotalFlags             int32 `json:"totalFlags"`
	ActiveFlags            int32 `json:"activeFlags"`
	StaleFlags             int32 `json:"staleFlags"`
	PotentiallyStaleFlags  int32 `json:"potentiallyStaleFlags"`
	Health                 int   `json:"health"`
	TechnicalDebt          int   `json:"technicalDebt"`
}

// LatestEventSchema is a change in short.
type LatestEventSchema struct {
	ID                int64    `json:"id"`
	Summary           *string  `json:"summary" nullable:"true" doc:"Markdown"`
	CreatedBy         string   `json:"createdBy"`
	CreatedByImageURL string   `json:"createdByImageUrl"`
	CreatedAt         api.Time `json:"createdAt"`
}

// PersonalRoleSchema is a role.
type PersonalRoleSchema struct {
	Name string `json:"name"`
	ID   int32  `json:"id"`
	Type string `json:"type" enum:"custom,project"`
}

type (
	personalDashboardOutput        struct{ Body PersonalDashboardSchema }
	personalDashboardProjectOutput struct {
		Body PersonalDashboardProjectDetailsSchema
	}
)

func (a *API) registerPersonalDashboard() {
	const tag, path = "Projects", "/personal-dashboard"
	read(a, access.Anyone, op(get, path, "getPersonalDashboard", tag), a.personalDashboard)
	read(a, access.Anyone, op(get, path+"/{projectId}", "getPersonalDashboardProjectDetails", tag), a.personalDashboardProject)
}

func (a *API) personalDashboard(ctx context.Context, _ *struct{}) (*personalDashboardOutput, error) {
	out := &personalDashboardOutput{PersonalDashboardSchema{
		Admins: []PersonSchema{}, ProjectOwners: []ProjectPersonSchema{}, Projects: []PersonalProjectSchema{}, Flags: []PersonalFlagSchema{},
	}}
	rows, err := q.ProjectList(ctx, a.pool, queries.ProjectListParams{})
	if err != nil {
		return nil, err
	}
	favorites, err := a.favoriteProjects(ctx)
	if err != nil {
		return nil, err
	}
	sort.SliceStable(rows, func(i, j int) bool { return favorites[rows[i].ID] && !favorites[rows[j].ID] })
	for _, row := range rows {
		debt := technicalDebt(row)
		out.Body.Projects = append(out.Body.Projects, PersonalProjectSchema{
			ID: row.ID, Name: row.Name, Health: 100 - debt, TechnicalDebt: debt, FeatureCount: row.FeatureCount,
		})
	}
	user := access.ActorFrom(ctx).UserID
	if user == nil {
		return out, nil
	}
	flags, err := q.FeatureListPersonal(ctx, a.pool, queries.FeatureListPersonalParams{UserID: *user, Max: maxPersonalFlags})
	for _, row := range flags {
		out.Body.Flags = append(out.Body.Flags, PersonalFlagSchema{Name: row.Name, Project: row.Project, Type: row.Type})
	}
	return out, err
}

func (a *API) personalDashboardProject(ctx context.Context, in *ProjectPath) (*personalDashboardProjectOutput, error) {
	rows, err := q.ProjectList(ctx, a.pool, queries.ProjectListParams{ID: &in.Project})
	if err != nil {
		return nil, err
	}
	if len(rows) == 0 {
		return nil, project.NotFound(in.Project)
	}
	health, err := q.ProjectHealth(ctx, a.pool, in.Project)
	if err != nil {
		return nil, err
	}
	events, err := q.ProjectEventsLatest(ctx, a.pool, queries.ProjectEventsLatestParams{Project: in.Project, Max: maxLatestEvents})
	debt := debtOf(health)
	out := &personalDashboardProjectOutput{PersonalDashboardProjectDetailsSchema{
		Insights: PersonalInsightsSchema{
			TotalFlags: health.Active + health.Stale, ActiveFlags: health.Active, StaleFlags: health.Stale,
			PotentiallyStaleFlags: health.PotentiallyStale, Health: 100 - debt, TechnicalDebt: debt,
		},
		OnboardingStatus: onboardingStatus(rows[0]), LatestEvents: make([]LatestEventSchema, len(events)),
		Owners: []ProjectOwnerSchema{{OwnerType: "system"}}, Roles: []PersonalRoleSchema{},
	}}
	for i, e := range events {
		out.Body.LatestEvents[i] = latestEventSchema(e)
	}
	return out, err
}

// favoriteProjects are the caller's.
func (a *API) favoriteProjects(ctx context.Context) (map[string]bool, error) {
	favorites := map[string]bool{}
	user := access.ActorFrom(ctx).UserID
	if user == nil {
		return favorites, nil
	}
	ids, err := q.ProjectFavoriteList(ctx, a.pool, *user)
	for _, id := range ids {
		favorites[id] = true
	}
	return favorites, err
}

func latestEventSchema(e queries.Event) LatestEventSchema {
	summary := event.Summary(e)
	return LatestEventSchema{
		ID: e.ID, Summary: &summary, CreatedBy: e.CreatedBy, CreatedAt: api.At(e.CreatedAt),
		CreatedByImageURL: userBrief(e.CreatedByUserID, e.CreatedBy).ImageURL,
	}
}
