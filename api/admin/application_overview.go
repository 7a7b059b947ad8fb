package admin

import (
	"context"
	"slices"

	"github.com/pennonhq/pennon/api"
	"github.com/pennonhq/pennon/control/usage"
	"github.com/pennonhq/pennon/queries"
)

// ApplicationOverviewSchema shows what an application uses, environment by environment, and what is wrong with it.
type ApplicationOverviewSchema struct {
	Projects     []string                               `json:"projects" nullable:"false"`
	FeatureCount int64                                  `json:"featureCount" doc:"How many flags it asks for"`
	Environments []ApplicationOverviewEnvironmentSchema `json:"environments" nullable:"false"`
	Issues       ApplicationOverviewIssuesSchema        `json:"issues"`
}

// ApplicationOverviewIssuesSchema lists what is wrong everywhere.
type ApplicationOverviewIssuesSchema struct {
	MissingStrategies []string `json:"missingStrategies" nullable:"false" doc:"Strategy types it can evaluate and that do not exist"`
}

// ApplicationOverviewEnvironmentSchema is an application in one environment.
type ApplicationOverviewEnvironmentSchema struct {
	Name          string                             `json:"name"`
	InstanceCount int64                              `json:"instanceCount"`
	SDKs          []string                           `json:"sdks" nullable:"false"`
	FrontendSDKs  []string                           `json:"frontendSdks" nullable:"false"`
	BackendSDKs   []string                           `json:"backendSdks" nullable:"false"`
	LastSeen      *api.Time                          `json:"lastSeen" nullable:"true"`
	Issues        ApplicationEnvironmentIssuesSchema `json:"issues"`
}

// ApplicationEnvironmentIssuesSchema lists what is wrong in one environment.
type ApplicationEnvironmentIssuesSchema struct {
	MissingFeatures []string `json:"missingFeatures" nullable:"false" doc:"Flags it asks for and that do not exist"`
	OutdatedSDKs    []string `json:"outdatedSdks" nullable:"false"`
}

type applicationOverviewOutput struct{ Body ApplicationOverviewSchema }

func (a *API) applicationOverview(ctx context.Context, in *ApplicationPath) (*applicationOverviewOutput, error) {
	if _, err := applicationNamed(ctx, a.pool, in.AppName); err != nil {
		return nil, err
	}
	schema := ApplicationOverviewSchema{Projects: []string{}, Environments: []ApplicationOverviewEnvironmentSchema{}}
	used, err := q.ApplicationUsage(ctx, a.pool, []string{in.AppName})
	if err != nil {
		return nil, err
	}
	for _, row := range used {
		schema.Projects = addName(schema.Projects, row.Project)
	}
	if schema.FeatureCount, err = q.ApplicationFeatureCount(ctx, a.pool, in.AppName); err != nil {
		return nil, err
	}
	if schema.Issues.MissingStrategies, err = q.ApplicationMissingStrategies(ctx, a.pool, in.AppName); err != nil {
		return nil, err
	}
	sdks, err := q.ApplicationSDKs(ctx, a.pool, in.AppName)
	if err != nil {
		return nil, err
	}
	unknown, err := q.ApplicationUnknownFlags(ctx, a.pool, in.AppName)
	if err != nil {
		return nil, err
	}
	schema.Environments = overviewEnvironments(sdks, unknown)
	return &applicationOverviewOutput{Body: schema}, nil
}

// overviewEnvironments needs both lists in order of the environment.
func overviewEnvironments(sdks []queries.ApplicationSDKsRow, unknown []queries.ApplicationUnknownFlagsRow) []ApplicationOverviewEnvironmentSchema {
	list := []ApplicationOverviewEnvironmentSchema{}
	for _, row := range sdks {
		if n := len(list); n == 0 || list[n-1].Name != row.Environment {
			list = append(list, ApplicationOverviewEnvironmentSchema{
				Name: row.Environment, SDKs: []string{}, FrontendSDKs: []string{}, BackendSDKs: []string{},
				Issues: ApplicationEnvironmentIssuesSchema{MissingFeatures: []string{}, OutdatedSDKs: []string{}},
			})
		}
		e := &list[len(list)-1]
		e.InstanceCount += row.Instances
		if e.LastSeen == nil || row.SeenAt.After(e.LastSeen.Time) {
			e.LastSeen = api.AtOrNil(&row.SeenAt)
		}
		if row.SdkVersion == "" {
			continue
		}
		e.SDKs = addName(e.SDKs, row.SdkVersion)
		if row.SdkType == "frontend" {
			e.FrontendSDKs = addName(e.FrontendSDKs, row.SdkVersion)
		} else {
			e.BackendSDKs = addName(e.BackendSDKs, row.SdkVersion)
		}
		if usage.Outdated(row.SpecVersion) {
			e.Issues.OutdatedSDKs = addName(e.Issues.OutdatedSDKs, row.SdkVersion)
		}
	}
	for _, row := range unknown {
		for i := range list {
			if list[i].Name == row.Environment {
				list[i].Issues.MissingFeatures = append(list[i].Issues.MissingFeatures, row.Name)
			}
		}
	}
	return list
}

// addName adds a name that is not there yet.
func addName(names []string, name string) []string {
	if slices.Contains(names, name) {
		return names
	}
	return append(names, name)
}
