package admin

import (
	"context"
	"strings"

	"github.com/pennonhq/pennon/control/access"
	"github.com/pennonhq/pennon/control/project"
	"github.com/pennonhq/pennon/queries"
)

// ProjectApplicationsSchema is a page of the applications that ask for flags of a project.
type ProjectApplicationsSchema struct {
	Applications []ProjectApplicationSchema `json:"applications" nullable:"false"`
	Total        int64                      `json:"total"`
}

// ProjectApplicationSchema is an application, as far as it asks for flags of a project.
type ProjectApplicationSchema struct {
	Name         string                        `json:"name"`
	Environments []string                      `json:"environments" nullable:"false"`
	Instances    []string                      `json:"instances" nullable:"false"`
	SDKs         []ProjectApplicationSdkSchema `json:"sdks" nullable:"false"`
}

// ProjectApplicationSdkSchema is an SDK and the versions of it that are in use.
type ProjectApplicationSdkSchema struct {
	Name     string   `json:"name"`
	Versions []string `json:"versions" nullable:"false"`
}

// maxProjectInstances bounds what is read of instances for one page of applications.
const maxProjectInstances = 10_000

type (
	projectApplicationsInput struct {
		ProjectPath
		Query     string `query:"query" maxLength:"255" doc:"A part of the name, in any case"`
		Offset    int64  `query:"offset" minimum:"0" maximum:"1000000000" default:"0"`
		Limit     int32  `query:"limit" minimum:"1" maximum:"1000" default:"50"`
		SortBy    string `query:"sortBy" enum:"appName" default:"appName"`
		SortOrder string `query:"sortOrder" enum:"asc,desc" default:"asc"`
	}
	projectApplicationsOutput struct{ Body ProjectApplicationsSchema }
)

func (a *API) registerProjectApplications() {
	const tag = "Projects"
	read(a, access.Anyone, op(get, "/projects/{projectId}/applications", "getProjectApplications", tag), a.projectApplications)
	read(a, access.Anyone, op(get, "/projects/{projectId}/sdks/outdated", "getOutdatedProjectSdks", tag), a.outdatedProjectSDKs)
}

func (a *API) projectApplications(ctx context.Context, in *projectApplicationsInput) (*projectApplicationsOutput, error) {
	if err := a.requireProject(ctx, in.Project); err != nil {
		return nil, err
	}
	pattern := containing(in.Query)
	rows, err := q.ProjectApplicationList(ctx, a.pool, queries.ProjectApplicationListParams{
		Project: in.Project, Pattern: pattern, Descending: in.SortOrder == "desc", PageSize: in.Limit, PageOffset: in.Offset,
	})
	if err != nil {
		return nil, err
	}
	total, err := q.ProjectApplicationCount(ctx, a.pool, queries.ProjectApplicationCountParams{Project: in.Project, Pattern: pattern})
	if err != nil {
		return nil, err
	}
	list, err := a.projectApplicationSchemas(ctx, in.Project, rows)
	return &projectApplicationsOutput{Body: ProjectApplicationsSchema{Applications: list, Total: total}}, err
}

func (a *API) outdatedProjectSDKs(ctx context.Context, in *ProjectPath) (*outdatedSDKsOutput, error) {
	if err := a.requireProject(ctx, in.Project); err != nil {
		return nil, err
	}
	rows, err := q.SDKVersionList(ctx, a.pool, &in.Project)
	return &outdatedSDKsOutput{Body: outdatedSdksSchema(rows)}, err
}

func (a *API) requireProject(ctx context.Context, id string) error {
	missing, err := q.ProjectsMissing(ctx, a.pool, []string{id})
	if err != nil {
		return err
	}
	if len(missing) > 0 {
		return project.NotFound(id)
	}
	return nil
}

func (a *API) projectApplicationSchemas(ctx context.Context, projectID string, rows []queries.ProjectApplicationListRow) ([]ProjectApplicationSchema, error) {
	list := make([]ProjectApplicationSchema, len(rows))
	names := make([]string, len(rows))
	places := map[string]int{}
	for i, row := range rows {
		list[i] = ProjectApplicationSchema{
			Name: row.AppName, Environments: row.Environments, Instances: []string{}, SDKs: []ProjectApplicationSdkSchema{},
		}
		names[i], places[row.AppName] = row.AppName, i
	}
	instances, err := q.ProjectApplicationInstances(ctx, a.pool, queries.ProjectApplicationInstancesParams{
		AppNames: names, Project: projectID, PageSize: maxProjectInstances,
	})
	for _, row := range instances {
		application := &list[places[row.AppName]]
		application.Instances = addName(application.Instances, row.InstanceID)
		application.addSDK(row.SdkVersion)
	}
	return list, err
}

// addSDK adds what an instance reports of its SDK: the name and, after a colon, the version.
func (s *ProjectApplicationSchema) addSDK(reported string) {
	name, version, _ := strings.Cut(reported, ":")
	if name == "" {
		return
	}
	at := 0
	for at < len(s.SDKs) && s.SDKs[at].Name != name {
		at++
	}
	if at == len(s.SDKs) {
		s.SDKs = append(s.SDKs, ProjectApplicationSdkSchema{Name: name, Versions: []string{}})
	}
	if version != "" {
		s.SDKs[at].Versions = addName(s.SDKs[at].Versions, version)
	}
}
