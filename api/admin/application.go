package admin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/pennonhq/pennon/api"
	"github.com/pennonhq/pennon/control/access"
	"github.com/pennonhq/pennon/control/usage"
	"github.com/pennonhq/pennon/queries"
)

// ApplicationsSchema is a page of applications.
type ApplicationsSchema struct {
	Applications []ApplicationSchema `json:"applications" nullable:"false"`
	Total        int64               `json:"total"`
}

// ApplicationSchema is an application that uses an SDK.
type ApplicationSchema struct {
	AppName     string                   `json:"appName"`
	Strategies  []string                 `json:"strategies" required:"false" nullable:"false" doc:"Strategy types it says it can evaluate"`
	Description string                   `json:"description,omitempty"`
	URL         string                   `json:"url,omitempty"`
	Color       string                   `json:"color,omitempty"`
	Icon        string                   `json:"icon,omitempty"`
	Usage       []ApplicationUsageSchema `json:"usage" required:"false" nullable:"false" doc:"Where the flags are that it asks for"`
}

// ApplicationUsageSchema says in which environments an application asks for flags of a project.
type ApplicationUsageSchema struct {
	Project      string   `json:"project"`
	Environments []string `json:"environments" nullable:"false"`
}

// CreateApplicationSchema is what people say of an application.
type CreateApplicationSchema struct {
	Strategies []string `json:"strategies,omitempty" nullable:"false" maxItems:"1000"`
	URL        *string  `json:"url,omitempty" maxLength:"2000"`
	Color      *string  `json:"color,omitempty" maxLength:"100"`
	Icon       *string  `json:"icon,omitempty" maxLength:"255"`
}

// ApplicationEnvironmentInstancesSchema lists the copies of an application that run in an environment.
type ApplicationEnvironmentInstancesSchema struct {
	Instances []ApplicationInstance `json:"instances" nullable:"false"`
}

// ApplicationInstance is a running copy of an application.
type ApplicationInstance struct {
	InstanceID string   `json:"instanceId"`
	SDKVersion *string  `json:"sdkVersion" required:"false" nullable:"true"`
	ClientIP   *string  `json:"clientIp" required:"false" nullable:"true"`
	LastSeen   api.Time `json:"lastSeen" required:"false"`
}

// OutdatedSdksSchema lists SDKs that should be updated.
type OutdatedSdksSchema struct {
	SDKs []OutdatedSDK `json:"sdks" nullable:"false"`
}

// OutdatedSDK is a version of an SDK that should be updated, and who runs it.
type OutdatedSDK struct {
	SDKVersion   string   `json:"sdkVersion"`
	Applications []string `json:"applications" nullable:"false"`
}

// maxListedInstances bounds lists of instances; the newest are shown.
const maxListedInstances = 1000

// ApplicationPath is the path of an application.
type ApplicationPath struct {
	AppName string `path:"appName" maxLength:"255" doc:"The name the application reports"`
}

// PageQuery selects a page of a list of applications.
type PageQuery struct {
	Query     string `query:"query" maxLength:"255" doc:"A part of the name, in any case"`
	Offset    int64  `query:"offset" minimum:"0" maximum:"1000000000" default:"0"`
	Limit     int32  `query:"limit" minimum:"1" maximum:"1000" default:"1000"`
	SortBy    string `query:"sortBy" enum:"appName,createdAt,lastSeen" default:"appName"`
	SortOrder string `query:"sortOrder" enum:"asc,desc" default:"asc"`
}

type (
	applicationsOutput     struct{ Body ApplicationsSchema }
	applicationOutput      struct{ Body ApplicationSchema }
	createApplicationInput struct {
		ApplicationPath
		Body CreateApplicationSchema
	}
	applicationInstancesInput struct {
		ApplicationPath
		Environment string `path:"environment"`
	}
	applicationInstancesOutput struct {
		Body ApplicationEnvironmentInstancesSchema
	}
	outdatedSDKsOutput struct{ Body OutdatedSdksSchema }
)

func (a *API) registerApplications() {
	const tag = "Metrics"
	read(a, access.Anyone, op(get, "/metrics/applications", "getApplications", tag), a.applications)
	read(a, access.Anyone, op(get, "/metrics/applications/{appName}", "getApplication", tag), a.application)
	write(a, access.UpdateApplication, op(post, "/metrics/applications/{appName}", "createApplication", tag, status(202)), a.createApplication)
	write(a, access.UpdateApplication, op(remove, "/metrics/applications/{appName}", "deleteApplication", tag, status(200)), a.deleteApplication)
	read(a, access.Anyone, op(get, "/metrics/applications/{appName}/overview", "getApplicationOverview", tag), a.applicationOverview)
	read(a, access.Anyone, op(get, "/metrics/instances/{appName}/environment/{environment}", "getApplicationEnvironmentInstances", tag), a.applicationInstances)
	read(a, access.Anyone, op(get, "/metrics/sdks/outdated", "getOutdatedSdks", tag), a.outdatedSDKs)
}

func (a *API) applications(ctx context.Context, in *PageQuery) (*applicationsOutput, error) {
	pattern := containing(in.Query)
	rows, err := q.ApplicationList(ctx, a.pool, queries.ApplicationListParams{
		Pattern: pattern, SortBy: in.SortBy, Descending: in.SortOrder == "desc", PageSize: in.Limit, PageOffset: in.Offset,
	})
	if err != nil {
		return nil, err
	}
	total, err := q.ApplicationCount(ctx, a.pool, pattern)
	if err != nil {
		return nil, err
	}
	list, err := applicationSchemas(ctx, a.pool, rows)
	return &applicationsOutput{Body: ApplicationsSchema{Applications: list, Total: total}}, err
}

func (a *API) application(ctx context.Context, in *ApplicationPath) (*applicationOutput, error) {
	row, err := applicationNamed(ctx, a.pool, in.AppName)
	if err != nil {
		return nil, err
	}
	list, err := applicationSchemas(ctx, a.pool, []queries.ClientApplication{row})
	if err != nil {
		return nil, err
	}
	return &applicationOutput{Body: list[0]}, nil
}

func (a *API) createApplication(ctx context.Context, tx pgx.Tx, in *createApplicationInput) (*struct{}, error) {
	return nil, usage.Set(ctx, tx, usage.Application{
		Name: in.AppName, Strategies: in.Body.Strategies, URL: in.Body.URL, Color: in.Body.Color, Icon: in.Body.Icon,
	})
}

func (a *API) deleteApplication(ctx context.Context, tx pgx.Tx, in *ApplicationPath) (*struct{}, error) {
	return nil, usage.Delete(ctx, tx, in.AppName)
}

func (a *API) applicationInstances(ctx context.Context, in *applicationInstancesInput) (*applicationInstancesOutput, error) {
	rows, err := q.ApplicationInstances(ctx, a.pool, queries.ApplicationInstancesParams{
		AppName: in.AppName, Environment: in.Environment, PageSize: maxListedInstances,
	})
	out := &applicationInstancesOutput{Body: ApplicationEnvironmentInstancesSchema{Instances: []ApplicationInstance{}}}
	for _, row := range rows {
		out.Body.Instances = append(out.Body.Instances, ApplicationInstance{
			InstanceID: row.InstanceID, SDKVersion: row.SdkVersion, ClientIP: row.ClientIp, LastSeen: api.At(row.SeenAt),
		})
	}
	return out, err
}

func (a *API) outdatedSDKs(ctx context.Context, _ *struct{}) (*outdatedSDKsOutput, error) {
	rows, err := q.SDKVersionList(ctx, a.pool, nil)
	return &outdatedSDKsOutput{Body: outdatedSdksSchema(rows)}, err
}

func applicationNamed(ctx context.Context, db queries.DBTX, name string) (queries.ClientApplication, error) {
	row, err := q.ApplicationGet(ctx, db, name)
	if errors.Is(err, pgx.ErrNoRows) {
		return row, usage.ApplicationNotFound(name)
	}
	return row, err
}

func applicationSchemas(ctx context.Context, db queries.DBTX, rows []queries.ClientApplication) ([]ApplicationSchema, error) {
	list := make([]ApplicationSchema, len(rows))
	names := make([]string, len(rows))
	places := map[string]int{}
	for i, row := range rows {
		list[i] = ApplicationSchema{
			AppName: row.AppName, Strategies: []string{}, Usage: []ApplicationUsageSchema{},
			Description: orEmpty(row.Description), URL: orEmpty(row.Url), Color: orEmpty(row.Color), Icon: orEmpty(row.Icon),
		}
		if err := json.Unmarshal(row.Strategies, &list[i].Strategies); err != nil {
			return nil, fmt.Errorf("read strategies of application %s: %w", row.AppName, err)
		}
		names[i], places[row.AppName] = row.AppName, i
	}
	used, err := q.ApplicationUsage(ctx, db, names)
	if err != nil {
		return nil, fmt.Errorf("read usage of applications: %w", err)
	}
	for _, row := range used { // in order of application and project
		application := &list[places[row.AppName]]
		if n := len(application.Usage); n == 0 || application.Usage[n-1].Project != row.Project {
			application.Usage = append(application.Usage, ApplicationUsageSchema{Project: row.Project})
		}
		last := &application.Usage[len(application.Usage)-1]
		last.Environments = append(last.Environments, row.Environment)
	}
	return list, nil
}

// outdatedSdksSchema needs rows in order of the SDK's version.
func outdatedSdksSchema(rows []queries.SDKVersionListRow) OutdatedSdksSchema {
	schema := OutdatedSdksSchema{SDKs: []OutdatedSDK{}}
	for _, row := range rows {
		if !usage.Outdated(row.SpecVersion) {
			continue
		}
		if n := len(schema.SDKs); n == 0 || schema.SDKs[n-1].SDKVersion != row.SdkVersion {
			schema.SDKs = append(schema.SDKs, OutdatedSDK{SDKVersion: row.SdkVersion})
		}
		last := &schema.SDKs[len(schema.SDKs)-1]
		if !slices.Contains(last.Applications, row.AppName) {
			last.Applications = append(last.Applications, row.AppName)
		}
	}
	return schema
}

// containing is the LIKE pattern for texts that hold a part; nil, no filter, for the empty part.
func containing(part string) *string {
	if part == "" {
		return nil
	}
	pattern := "%" + strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(part) + "%"
	return &pattern
}
