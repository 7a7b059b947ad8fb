package admin

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/jackc/pgx/v5"

	"github.com/pennonhq/pennon/control/access"
	"github.com/pennonhq/pennon/control/limit"
	"github.com/pennonhq/pennon/control/maintenance"
	"github.com/pennonhq/pennon/control/setting"
	"github.com/pennonhq/pennon/fault"
)

// UIConfigSchema tells a user interface what it talks to.
type UIConfigSchema struct {
	Name                   string               `json:"name" required:"false"`
	Version                string               `json:"version"`
	Environment            string               `json:"environment" required:"false"`
	UnleashURL             string               `json:"unleashUrl" doc:"Where the server was called, with its base path"`
	BaseURIPath            string               `json:"baseUriPath"`
	AuthenticationType     string               `json:"authenticationType" required:"false" enum:"open-source,demo,enterprise,hosted,custom,none"`
	DisablePasswordAuth    bool                 `json:"disablePasswordAuth" required:"false"`
	EmailEnabled           bool                 `json:"emailEnabled" required:"false"`
	MaintenanceMode        bool                 `json:"maintenanceMode" required:"false"`
	PrometheusAPIAvailable bool                 `json:"prometheusAPIAvailable" required:"false"`
	ImpactMetrics          string               `json:"impactMetrics" required:"false" enum:"disabled,unconfigured,external,internal,full"`
	Flags                  map[string]bool      `json:"flags" required:"false" doc:"Which optional parts of Unleash's behaviour there are"`
	ResourceLimits         ResourceLimitsSchema `json:"resourceLimits" required:"false"`
	FrontendAPIOrigins     []string             `json:"frontendApiOrigins" required:"false" nullable:"false" doc:"Web pages of these may call the frontend API"`
	VersionInfo            VersionSchema        `json:"versionInfo"`
}

// VersionSchema says what runs. Pennon does not ask whether there is something newer.
type VersionSchema struct {
	Current    VersionPair `json:"current"`
	Latest     VersionPair `json:"latest"`
	IsLatest   bool        `json:"isLatest"`
	InstanceID string      `json:"instanceId" required:"false"`
}

// VersionPair is a version of either edition.
type VersionPair struct {
	OSS        string `json:"oss,omitempty"`
	Enterprise string `json:"enterprise,omitempty"`
}

// ResourceLimitsSchema is how much of everything there may be: the limits that are enforced. What Pennon does not have is
// limited to none.
type ResourceLimitsSchema struct {
	SegmentValues                int `json:"segmentValues"`
	StrategySegments             int `json:"strategySegments"`
	FeatureEnvironmentStrategies int `json:"featureEnvironmentStrategies"`
	ConstraintValues             int `json:"constraintValues"`
	Constraints                  int `json:"constraints"`
	Environments                 int `json:"environments"`
	Projects                     int `json:"projects"`
	APITokens                    int `json:"apiTokens"`
	Segments                     int `json:"segments"`
	FeatureFlags                 int `json:"featureFlags"`
	ActionSetActions             int `json:"actionSetActions"`
	ActionSetsPerProject         int `json:"actionSetsPerProject"`
	ActionSetFilters             int `json:"actionSetFilters"`
	ActionSetFilterValues        int `json:"actionSetFilterValues"`
	SignalEndpoints              int `json:"signalEndpoints"`
	SignalTokensPerEndpoint      int `json:"signalTokensPerEndpoint"`
	ReleaseTemplates             int `json:"releaseTemplates"`
}

// SetCorsSchema names the web pages that may call the frontend API.
type SetCorsSchema struct {
	FrontendAPIOrigins *[]string `json:"frontendApiOrigins,omitempty" nullable:"false" doc:"Origins such as https://app.example.com, or * for any; none closes it to browsers"`
}

type (
	setCorsInput  struct{ Body SetCorsSchema }
	uiConfigInput struct {
		origin string
	}
	uiConfigOutput struct{ Body UIConfigSchema }
)

// Resolve notes where the request was sent.
func (in *uiConfigInput) Resolve(ctx huma.Context) []error {
	scheme := "http"
	if state := ctx.TLS(); state != nil {
		scheme = "https"
	}
	if forwarded := ctx.Header("X-Forwarded-Proto"); forwarded == "https" {
		scheme = forwarded
	}
	in.origin = scheme + "://" + ctx.Host()
	return nil
}

func (a *API) registerUIConfig() {
	read(a, access.Anyone, op(get, "/ui-config", "getUiConfig", "Admin UI"), a.uiConfig)
	write(a, access.UpdateCORS, op(post, "/ui-config/cors", "setCors", "Admin UI", status(http.StatusNoContent)), a.setCors)
}

func (a *API) setCors(ctx context.Context, tx pgx.Tx, in *setCorsInput) (*struct{}, error) {
	if in.Body.FrontendAPIOrigins == nil {
		return nil, fault.New(fault.Invalid, "The frontendApiOrigins are missing")
	}
	return nil, setting.SetFrontendOrigins(ctx, tx, *in.Body.FrontendAPIOrigins)
}

func (a *API) uiConfig(ctx context.Context, in *uiConfigInput) (*uiConfigOutput, error) {
	id, err := q.InstanceID(ctx, a.pool)
	if err != nil {
		return nil, err
	}
	origins, known, err := setting.FrontendOrigins(ctx, a.pool)
	if err != nil {
		return nil, err
	}
	if !known {
		origins = a.config.FrontendOrigins
	}
	closed, err := maintenance.Enabled(ctx, a.pool)
	config := a.http.Config()
	return &uiConfigOutput{Body: UIConfigSchema{
		Name: "Pennon", Version: config.Build, Environment: "Open Source",
		UnleashURL: in.origin + config.BasePath, BaseURIPath: config.BasePath,
		AuthenticationType: "open-source", DisablePasswordAuth: true, ImpactMetrics: "disabled",
		MaintenanceMode: closed, Flags: uiFlags(closed), ResourceLimits: resourceLimitsSchema(a.config.Limits),
		FrontendAPIOrigins: origins,
		VersionInfo:        VersionSchema{Current: VersionPair{OSS: config.Build}, IsLatest: true, InstanceID: id.String()},
	}}, err
}

// uiFlags are those of Unleash's that stand for something Pennon always has, and maintenance.
func uiFlags(maintenance bool) map[string]bool {
	return map[string]bool{
		"maintenanceMode": maintenance, "deltaApi": true, "regexConstraintOperator": true, "semverGteConstraintOperators": true,
	}
}

func resourceLimitsSchema(l limit.Limits) ResourceLimitsSchema {
	return ResourceLimitsSchema{
		SegmentValues: l.SegmentValues, StrategySegments: l.StrategySegments, FeatureEnvironmentStrategies: l.Strategies,
		ConstraintValues: l.ConstraintValues, Constraints: l.Constraints, Environments: l.Environments, Projects: l.Projects,
		APITokens: l.APITokens, Segments: l.Segments, FeatureFlags: l.Features,
	}
}
