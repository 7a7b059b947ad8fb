package event

import "slices"

// known are the types that Unleash and Pennon write, sorted. Not all of them are written by this version: integrations may
// ask for those that will come, as those that were configured for Unleash do.
var known = []Type{
	"actions-created", "actions-deleted", "actions-updated", "addon-config-created", "addon-config-deleted",
	"addon-config-updated", "api-token-created", "api-token-deleted", "api-token-updated", "application-created", "application-deleted", "application-updated",
	"banner-created", "banner-deleted", "banner-updated", "cdn-token-created", "change-added", "change-discarded",
	"change-edited", "change-request-applied", "change-request-approval-added", "change-request-approved",
	"change-request-cancelled", "change-request-configuration-updated", "change-request-created",
	"change-request-discarded", "change-request-rejected", "change-request-requested-approvers-updated",
	"change-request-schedule-suspended", "change-request-scheduled", "change-request-scheduled-application-failure",
	"change-request-scheduled-application-success", "change-request-sent-to-review", "client-metrics",
	"client-register", "context-field-created", "context-field-deleted", "context-field-updated", "db-pool-update",
	"default-strategy-updated", "drop-environments", "drop-feature-tags", "drop-features", "drop-projects",
	"drop-strategies", "drop-tag-types", "drop-tags", "environment-created", "environment-deleted",
	"environment-import", "environment-updated", "feature-archived", "feature-completed", "feature-created",
	"feature-deleted", "feature-dependencies-removed", "feature-dependency-added", "feature-dependency-removed",
	"feature-environment-disabled", "feature-environment-enabled", "feature-environment-variants-updated",
	"feature-favorited", "feature-import", "feature-link-added", "feature-link-removed", "feature-link-updated",
	"feature-metadata-updated", "feature-potentially-stale-on", "feature-project-change", "feature-revived",
	"feature-stale-off", "feature-stale-on", "feature-strategy-add", "feature-strategy-remove",
	"feature-strategy-update", "feature-tag-import", "feature-tagged", "feature-type-updated", "feature-uncompleted",
	"feature-unfavorited", "feature-untagged", "feature-updated", "feature-variants-updated", "features-exported",
	"features-imported", "group-created", "group-deleted", "group-updated", "group-user-added", "group-user-removed",
	"impact-metric-created", "impact-metric-deleted", "impact-metric-updated", "milestone-progression-changed",
	"milestone-progression-created", "milestone-progression-deleted", "milestone-progression-updated", "pat-created",
	"pat-deleted", "project-access-added", "project-access-group-roles-deleted", "project-access-group-roles-updated",
	"project-access-updated", "project-access-user-roles-deleted", "project-access-user-roles-updated",
	"project-archived", "project-created", "project-deleted", "project-environment-added",
	"project-environment-removed", "project-favorited", "project-group-added", "project-import", "project-revived",
	"project-unfavorited", "project-updated", "project-user-added", "project-user-removed", "project-user-role-changed",
	"public-signup-token-created", "public-signup-token-updated", "public-signup-token-user-added",
	"release-plan-added", "release-plan-milestone-started", "release-plan-progressions-paused",
	"release-plan-progressions-resumed", "release-plan-removed", "release-plan-template-archived",
	"release-plan-template-created", "release-plan-template-deleted", "release-plan-template-updated",
	"remote-mcp-server-settings-updated", "role-created", "role-deleted", "role-updated", "safeguard-changed",
	"safeguard-deleted", "safeguard-triggered", "scim-groups-deleted", "scim-users-deleted", "segment-created",
	"segment-deleted", "segment-import", "segment-updated", "service-account-created", "service-account-deleted",
	"service-account-token-created", "service-account-token-deleted", "service-account-updated", "setting-created",
	"setting-deleted", "setting-updated", "signal-endpoint-created", "signal-endpoint-deleted",
	"signal-endpoint-token-created", "signal-endpoint-token-deleted", "signal-endpoint-token-updated",
	"signal-endpoint-updated", "strategy-created", "strategy-deleted", "strategy-deprecated", "strategy-import",
	"strategy-order-changed", "strategy-reactivated", "strategy-updated", "tag-created", "tag-deleted", "tag-import",
	"tag-type-created", "tag-type-deleted", "tag-type-import", "tag-type-updated", "user-access-request-approved",
	"user-access-request-registered", "user-access-request-rejected", "user-created", "user-deleted",
	"user-preference-updated", "user-updated",
}

// Known reports whether there are events of that type.
func Known(kind Type) bool {
	_, found := slices.BinarySearch(known, kind)
	return found
}

// Written lists the types of events that this version writes and that are worth telling others about, in the order in which
// they are offered.
func Written() []Type { return slices.Clone(written) }

var written = []Type{
	FeatureCreated, FeatureDeleted, FeatureMetadataUpdated, FeatureArchived, FeatureRevived, FeatureStaleOn,
	FeatureStaleOff, FeaturePotentiallyStaleOn, FeatureCompleted, FeatureUncompleted, FeatureProjectChange,
	FeatureTagged, FeatureUntagged, FeatureLinkAdded, FeatureLinkUpdated, FeatureLinkRemoved, FeatureFavorited,
	FeatureUnfavorited, FeaturesImported, FeaturesExported, FeatureEnvironmentEnabled, FeatureEnvironmentDisabled,
	FeatureEnvironmentVariantsUpdated, FeatureVariantsUpdated, FeatureStrategyAdd, FeatureStrategyUpdate,
	FeatureStrategyRemove, StrategyOrderChanged, FeatureDependencyAdded, FeatureDependencyRemoved,
	FeatureDependenciesRemoved, ProjectCreated, ProjectUpdated, ProjectDeleted, ProjectArchived, ProjectRevived,
	ProjectFavorited, ProjectUnfavorited, ProjectEnvironmentAdded, ProjectEnvironmentRemoved, DefaultStrategyUpdated,
	EnvironmentCreated, EnvironmentUpdated, EnvironmentDeleted, SegmentCreated, SegmentUpdated, SegmentDeleted,
	APITokenCreated, APITokenUpdated, APITokenDeleted, ContextFieldCreated, ContextFieldUpdated, ContextFieldDeleted,
	StrategyCreated, StrategyUpdated, StrategyDeleted, StrategyDeprecated, StrategyReactivated, TagCreated, TagDeleted,
	TagTypeCreated, TagTypeUpdated, TagTypeDeleted, FeatureTypeUpdated,
	BannerCreated, BannerUpdated, BannerDeleted, SettingCreated, SettingUpdated, SettingDeleted,
	ApplicationCreated, ApplicationUpdated, ApplicationDeleted, AddonCreated, AddonUpdated, AddonDeleted,
}
