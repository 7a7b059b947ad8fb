package admin

import (
	"context"
	"math"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/pennonhq/pennon/api"
	"github.com/pennonhq/pennon/control/access"
	"github.com/pennonhq/pennon/control/project"
	"github.com/pennonhq/pennon/queries"
)

// ProjectSchema is a project in a list.
type ProjectSchema struct {
	Name                  string                 `json:"name"`
	ID                    string                 `json:"id"`
	Description           *string                `json:"description" nullable:"true"`
	Health                int                    `json:"health"`
	TechnicalDebt         int                    `json:"technicalDebt"`
	FeatureCount          int32                  `json:"featureCount"`
	MemberCount           int32                  `json:"memberCount"`
	CreatedAt             api.Time               `json:"createdAt"`
	ArchivedAt            *api.Time              `json:"archivedAt" nullable:"true"`
	Mode                  string                 `json:"mode" enum:"open,protected,private"`
	DefaultStickiness     string                 `json:"defaultStickiness"`
	LastReportedFlagUsage *api.Time              `json:"lastReportedFlagUsage" nullable:"true"`
	LastUpdatedAt         *api.Time              `json:"lastUpdatedAt" nullable:"true"`
	OnboardingStatus      OnboardingStatusSchema `json:"onboardingStatus"`
	Owners                []ProjectOwnerSchema   `json:"owners" nullable:"false"`
	Favorite              bool                   `json:"favorite" doc:"Of the caller"`
}

// OnboardingStatusSchema says how far a project has come.
type OnboardingStatusSchema struct {
	Status  string `json:"status" enum:"onboarding-started,first-flag-created,sdk-connected,onboarded"`
	Feature string `json:"feature,omitempty" doc:"The first flag, with first-flag-created"`
}

// ProjectOwnerSchema is one who owns a project.
type ProjectOwnerSchema struct {
	OwnerType string `json:"ownerType" enum:"system,user,group"`
}

// ProjectsSchema is a list of projects.
type ProjectsSchema struct {
	Version  int             `json:"version"`
	Projects []ProjectSchema `json:"projects" nullable:"false"`
}

// ProjectOverviewSchema is one project with its environments.
type ProjectOverviewSchema struct {
	Version           int                               `json:"version"`
	Name              string                            `json:"name"`
	Description       *string                           `json:"description" nullable:"true"`
	DefaultStickiness string                            `json:"defaultStickiness"`
	Mode              string                            `json:"mode" enum:"open,protected,private"`
	FeatureLimit      *int32                            `json:"featureLimit" nullable:"true"`
	FeatureNaming     *CreateFeatureNamingPatternSchema `json:"featureNaming,omitempty"`
	Members           int32                             `json:"members"`
	Health            int                               `json:"health"`
	TechnicalDebt     int                               `json:"technicalDebt"`
	Environments      []ProjectEnvironmentSchema        `json:"environments" nullable:"false"`
	FeatureTypeCounts []FeatureTypeCountSchema          `json:"featureTypeCounts" nullable:"false"`
	LinkTemplates     []ProjectLinkTemplateSchema       `json:"linkTemplates" nullable:"false"`
	Stats             ProjectStatsSchema                `json:"stats"`
	Favorite          bool                              `json:"favorite" doc:"Of the caller"`
	CreatedAt         api.Time                          `json:"createdAt"`
	UpdatedAt         api.Time                          `json:"updatedAt"`
	ArchivedAt        *api.Time                         `json:"archivedAt" nullable:"true"`
	OnboardingStatus  OnboardingStatusSchema            `json:"onboardingStatus"`
}

// FeatureTypeCountSchema is how many flags of a type a project has.
type FeatureTypeCountSchema struct {
	Type  string `json:"type"`
	Count int32  `json:"count"`
}

// CreateProjectSchema describes a project to be created.
type CreateProjectSchema struct {
	ID                string    `json:"id,omitempty" doc:"Default: made of the name"`
	Name              string    `json:"name"`
	Description       *string   `json:"description,omitempty" nullable:"true"`
	Mode              string    `json:"mode,omitempty" enum:"open,protected,private"`
	DefaultStickiness string    `json:"defaultStickiness,omitempty"`
	Environments      *[]string `json:"environments,omitempty" doc:"Default: every enabled environment" nullable:"false"`
}

// ProjectCreatedSchema is a new project.
type ProjectCreatedSchema struct {
	ID                string   `json:"id"`
	Name              string   `json:"name"`
	Description       *string  `json:"description" nullable:"true"`
	Mode              string   `json:"mode" enum:"open,protected,private"`
	DefaultStickiness string   `json:"defaultStickiness"`
	FeatureLimit      *int32   `json:"featureLimit" nullable:"true"`
	Environments      []string `json:"environments" nullable:"false"`
}

// UpdateProjectSchema changes a project. What is left out stays.
type UpdateProjectSchema struct {
	Name              string  `json:"name"`
	Description       *string `json:"description,omitempty" nullable:"true"`
	Mode              string  `json:"mode,omitempty" enum:"open,protected,private"`
	DefaultStickiness string  `json:"defaultStickiness,omitempty"`
}

// ValidateProjectSchema asks whether a project can be created with an id.
type ValidateProjectSchema struct {
	ID string `json:"id"`
}

type (
	projectsInput struct {
		Archived bool `query:"archived" doc:"Archived projects instead of active ones"`
	}
	projectsOutput        struct{ Body ProjectsSchema }
	projectOverviewOutput struct{ Body ProjectOverviewSchema }
	projectCreateInput    struct{ Body CreateProjectSchema }
	projectValidateInput  struct{ Body ValidateProjectSchema }
	projectUpdateInput    struct {
		ProjectPath
		Body UpdateProjectSchema
	}
	projectCreateOutput struct {
		Location string `header:"Location"`
		Body     ProjectCreatedSchema
	}
)

func (a *API) registerProjects() {
	const tag = "Projects"
	read(a, access.Anyone, op(get, "/projects", "getProjects", tag), a.projects)
	read(a, access.Anyone, op(get, "/projects/{projectId}", "getProject", tag), a.projectOverview)
	read(a, access.Anyone, op(get, "/projects/{projectId}/overview", "getProjectOverview", tag), a.projectOverview)
	write(a, access.CreateProject, op(post, "/projects", "createProject", tag, status(201)), a.createProject)
	read(a, access.CreateProject, op(post, "/projects/validate", "validateProject", tag, status(200)), a.validateProject)
	write(a, access.UpdateProject, op(put, "/projects/{projectId}", "updateProject", tag, status(200)), a.updateProject)
	write(a, access.DeleteProject, op(remove, "/projects/{projectId}", "deleteProject", tag, status(200)), a.deleteProject)
	write(a, access.DeleteProject, op(post, "/projects/archive/{projectId}", "archiveProject", tag, status(200)), a.archiveProject)
	write(a, access.DeleteProject, op(post, "/projects/revive/{projectId}", "reviveProject", tag, status(200)), a.reviveProject)
}

func (a *API) projects(ctx context.Context, in *projectsInput) (*projectsOutput, error) {
	rows, err := q.ProjectList(ctx, a.pool, queries.ProjectListParams{Archived: in.Archived})
	if err != nil {
		return nil, err
	}
	favorites, err := a.favoriteProjects(ctx)
	out := &projectsOutput{Body: ProjectsSchema{Version: 1, Projects: []ProjectSchema{}}}
	for _, row := range rows {
		schema := projectSchema(row)
		schema.Favorite = favorites[row.ID]
		out.Body.Projects = append(out.Body.Projects, schema)
	}
	return out, err
}

func (a *API) projectOverview(ctx context.Context, in *ProjectPath) (*projectOverviewOutput, error) {
	rows, err := q.ProjectList(ctx, a.pool, queries.ProjectListParams{ID: &in.Project})
	if err != nil {
		return nil, err
	}
	if len(rows) == 0 {
		return nil, project.NotFound(in.Project)
	}
	environments, err := q.ProjectEnvironmentList(ctx, a.pool, in.Project)
	if err != nil {
		return nil, err
	}
	types, err := q.ProjectFeatureTypes(ctx, a.pool, in.Project)
	if err != nil {
		return nil, err
	}
	schema, err := projectOverviewSchema(rows[0], environments, types)
	if err != nil {
		return nil, err
	}
	if schema.LinkTemplates, err = linkTemplateSchemas(rows[0].LinkTemplates); err != nil {
		return nil, err
	}
	if schema.Stats, err = a.projectStats(ctx, in.Project); err != nil {
		return nil, err
	}
	favorites, err := a.favoriteProjects(ctx)
	schema.Favorite = favorites[in.Project]
	return &projectOverviewOutput{Body: schema}, err
}

func (a *API) createProject(ctx context.Context, tx pgx.Tx, in *projectCreateInput) (*projectCreateOutput, error) {
	n := project.New{
		ID: in.Body.ID, Name: in.Body.Name, Description: in.Body.Description, Mode: in.Body.Mode,
		DefaultStickiness: in.Body.DefaultStickiness,
	}
	if in.Body.Environments != nil {
		n.Environments = *in.Body.Environments
	}
	row, environments, err := project.Create(ctx, tx, n)
	if err != nil {
		return nil, err
	}
	return &projectCreateOutput{Location: "projects/" + row.ID, Body: ProjectCreatedSchema{
		ID: row.ID, Name: row.Name, Description: row.Description, Mode: row.Mode, DefaultStickiness: row.DefaultStickiness,
		FeatureLimit: row.FeatureLimit, Environments: environments,
	}}, nil
}

func (a *API) validateProject(ctx context.Context, in *projectValidateInput) (*struct{}, error) {
	return nil, project.CheckID(ctx, a.pool, in.Body.ID)
}

func (a *API) updateProject(ctx context.Context, tx pgx.Tx, in *projectUpdateInput) (*struct{}, error) {
	_, err := project.Update(ctx, tx, in.Project, project.Patch{
		Name: in.Body.Name, Description: in.Body.Description, Mode: in.Body.Mode, DefaultStickiness: in.Body.DefaultStickiness,
	})
	return nil, err
}

func (a *API) deleteProject(ctx context.Context, tx pgx.Tx, in *ProjectPath) (*struct{}, error) {
	return nil, project.Delete(ctx, tx, in.Project)
}

func (a *API) archiveProject(ctx context.Context, tx pgx.Tx, in *ProjectPath) (*struct{}, error) {
	return nil, project.Archive(ctx, tx, in.Project)
}

func (a *API) reviveProject(ctx context.Context, tx pgx.Tx, in *ProjectPath) (*struct{}, error) {
	return nil, project.Revive(ctx, tx, in.Project)
}

func projectSchema(row queries.ProjectListRow) ProjectSchema {
	debt := technicalDebt(row)
	return ProjectSchema{
		Name: row.Name, ID: row.ID, Description: row.Description, Health: 100 - debt, TechnicalDebt: debt,
		FeatureCount: row.FeatureCount, CreatedAt: api.At(row.CreatedAt), ArchivedAt: api.AtOrNil(row.ArchivedAt),
		Mode: row.Mode, DefaultStickiness: row.DefaultStickiness,
		LastReportedFlagUsage: known(row.LastUsageAt), LastUpdatedAt: known(row.LastUpdatedAt),
		OnboardingStatus: onboardingStatus(row), Owners: []ProjectOwnerSchema{{OwnerType: "system"}},
	}
}

func projectOverviewSchema(
	row queries.ProjectListRow, environments []queries.ProjectEnvironment, types []queries.ProjectFeatureTypesRow,
) (ProjectOverviewSchema, error) {
	debt := technicalDebt(row)
	schema := ProjectOverviewSchema{
		Version: 1, Name: row.Name, Description: row.Description, DefaultStickiness: row.DefaultStickiness, Mode: row.Mode,
		FeatureLimit: row.FeatureLimit, Health: 100 - debt, TechnicalDebt: debt,
		FeatureNaming: namingSchema(project.NamingOf(queries.Project{
			FeatureNamingPattern: row.FeatureNamingPattern, FeatureNamingExample: row.FeatureNamingExample,
			FeatureNamingDescription: row.FeatureNamingDescription,
		})),
		Environments: []ProjectEnvironmentSchema{}, FeatureTypeCounts: []FeatureTypeCountSchema{},
		CreatedAt: api.At(row.CreatedAt), UpdatedAt: api.At(row.UpdatedAt), ArchivedAt: api.AtOrNil(row.ArchivedAt),
		OnboardingStatus: onboardingStatus(row),
	}
	for _, e := range environments {
		strategy, err := defaultStrategySchema(e.DefaultStrategy)
		if err != nil {
			return schema, err
		}
		schema.Environments = append(schema.Environments, ProjectEnvironmentSchema{Environment: e.Environment, DefaultStrategy: strategy})
	}
	for _, t := range types {
		schema.FeatureTypeCounts = append(schema.FeatureTypeCounts, FeatureTypeCountSchema{Type: t.Type, Count: t.Count})
	}
	return schema, nil
}

// technicalDebt is the share of a project's flags that are stale, in percent.
func technicalDebt(row queries.ProjectListRow) int {
	if row.FeatureCount == 0 {
		return 0
	}
	return int(math.Round(100 * float64(row.StaleCount) / float64(row.FeatureCount)))
}

func onboardingStatus(row queries.ProjectListRow) OnboardingStatusSchema {
	switch {
	case known(row.LastUsageAt) != nil:
		return OnboardingStatusSchema{Status: "onboarded"}
	case row.FirstFeature != "":
		return OnboardingStatusSchema{Status: "first-flag-created", Feature: row.FirstFeature}
	}
	return OnboardingStatusSchema{Status: "onboarding-started"}
}

// known makes null of the epoch, which queries use for a time that is not known.
func known(t time.Time) *api.Time {
	if t.Unix() == 0 {
		return nil
	}
	return api.AtOrNil(&t)
}
