package access

import "strings"

// Permission names something a caller may do, in Unleash's words. It may name several of which any one suffices: see
// OneOf.
type Permission string

// Anyone is asked of operations that every known caller may use.
const Anyone Permission = ""

// OneOf is the permission to have any of permissions.
func OneOf(permissions ...Permission) Permission {
	names := make([]string, len(permissions))
	for i, p := range permissions {
		names[i] = string(p)
	}
	return Permission(strings.Join(names, separator))
}

const separator = "|"

// Names lists the permissions of which any one suffices; none for Anyone.
func (p Permission) Names() []string {
	if p == Anyone {
		return nil
	}
	return strings.Split(string(p), separator)
}

// Permissions on the whole instance. Admin includes every other one.
const (
	Admin                 Permission = "ADMIN"
	CreateProject         Permission = "CREATE_PROJECT"
	CreateAddon           Permission = "CREATE_ADDON"
	UpdateAddon           Permission = "UPDATE_ADDON"
	DeleteAddon           Permission = "DELETE_ADDON"
	CreateContextField    Permission = "CREATE_CONTEXT_FIELD"
	UpdateContextField    Permission = "UPDATE_CONTEXT_FIELD"
	DeleteContextField    Permission = "DELETE_CONTEXT_FIELD"
	CreateSegment         Permission = "CREATE_SEGMENT"
	UpdateSegment         Permission = "UPDATE_SEGMENT"
	DeleteSegment         Permission = "DELETE_SEGMENT"
	CreateStrategy        Permission = "CREATE_STRATEGY"
	UpdateStrategy        Permission = "UPDATE_STRATEGY"
	DeleteStrategy        Permission = "DELETE_STRATEGY"
	CreateTagType         Permission = "CREATE_TAG_TYPE"
	UpdateTagType         Permission = "UPDATE_TAG_TYPE"
	DeleteTagType         Permission = "DELETE_TAG_TYPE"
	CreateClientAPIToken  Permission = "CREATE_CLIENT_API_TOKEN"
	ReadClientAPIToken    Permission = "READ_CLIENT_API_TOKEN"
	UpdateClientAPIToken  Permission = "UPDATE_CLIENT_API_TOKEN"
	DeleteClientAPIToken  Permission = "DELETE_CLIENT_API_TOKEN"
	CreateFrontendToken   Permission = "CREATE_FRONTEND_API_TOKEN"
	ReadFrontendToken     Permission = "READ_FRONTEND_API_TOKEN"
	UpdateFrontendToken   Permission = "UPDATE_FRONTEND_API_TOKEN"
	DeleteFrontendToken   Permission = "DELETE_FRONTEND_API_TOKEN"
	ReadLogs              Permission = "READ_LOGS"
	ReadRole              Permission = "READ_ROLE"
	CreateReleaseTemplate Permission = "RELEASE_PLAN_TEMPLATE_CREATE"
	UpdateReleaseTemplate Permission = "RELEASE_PLAN_TEMPLATE_UPDATE"
	DeleteReleaseTemplate Permission = "RELEASE_PLAN_TEMPLATE_DELETE"
	UpdateApplication     Permission = "UPDATE_APPLICATION"
	UpdateAuth            Permission = "UPDATE_AUTH_CONFIGURATION"
	UpdateCORS            Permission = "UPDATE_CORS"
	UpdateBanners         Permission = "UPDATE_INSTANCE_BANNERS"
	UpdateMaintenance     Permission = "UPDATE_MAINTENANCE_MODE"
)

// Permissions in a project.
const (
	CreateFeature           Permission = "CREATE_FEATURE"
	UpdateFeature           Permission = "UPDATE_FEATURE"
	DeleteFeature           Permission = "DELETE_FEATURE"
	MoveFeature             Permission = "MOVE_FEATURE_TOGGLE"
	UpdateProject           Permission = "UPDATE_PROJECT"
	DeleteProject           Permission = "DELETE_PROJECT"
	UpdateFeatureVariants   Permission = "UPDATE_FEATURE_VARIANTS"
	UpdateFeatureDependency Permission = "UPDATE_FEATURE_DEPENDENCY"
	CreateProjectToken      Permission = "CREATE_PROJECT_API_TOKEN"
	ReadProjectToken        Permission = "READ_PROJECT_API_TOKEN"
	DeleteProjectToken      Permission = "DELETE_PROJECT_API_TOKEN"
	UpdateProjectSegment    Permission = "UPDATE_PROJECT_SEGMENT"
	UpdateProjectContext    Permission = "UPDATE_PROJECT_CONTEXT"
	UpdateProjectTemplate   Permission = "UPDATE_PROJECT_RELEASE_TEMPLATE"
	ReadProjectAccess       Permission = "PROJECT_USER_ACCESS_READ"
	WriteProjectAccess      Permission = "PROJECT_USER_ACCESS_WRITE"
	ReadDefaultStrategy     Permission = "PROJECT_DEFAULT_STRATEGY_READ"
	WriteDefaultStrategy    Permission = "PROJECT_DEFAULT_STRATEGY_WRITE"
	ReadChangeRequests      Permission = "PROJECT_CHANGE_REQUEST_READ"
	WriteChangeRequests     Permission = "PROJECT_CHANGE_REQUEST_WRITE"
	ReadProjectSettings     Permission = "PROJECT_SETTINGS_READ"
	WriteProjectSettings    Permission = "PROJECT_SETTINGS_WRITE"
)

// Permissions in one environment of a project.
const (
	CreateFeatureStrategy            Permission = "CREATE_FEATURE_STRATEGY"
	UpdateFeatureStrategy            Permission = "UPDATE_FEATURE_STRATEGY"
	DeleteFeatureStrategy            Permission = "DELETE_FEATURE_STRATEGY"
	UpdateFeatureEnvironment         Permission = "UPDATE_FEATURE_ENVIRONMENT"
	UpdateFeatureEnvironmentVariants Permission = "UPDATE_FEATURE_ENVIRONMENT_VARIANTS"
	ApproveChangeRequest             Permission = "APPROVE_CHANGE_REQUEST"
	ApplyChangeRequest               Permission = "APPLY_CHANGE_REQUEST"
	SkipChangeRequest                Permission = "SKIP_CHANGE_REQUEST"
)
