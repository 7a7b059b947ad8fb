package event

// Type says what happened, in Unleash's words. What an event of a type holds follows Unleash too.
type Type string

// Flags.
const (
	FeatureCreated            Type = "feature-created"
	FeatureDeleted            Type = "feature-deleted"
	FeatureMetadataUpdated    Type = "feature-metadata-updated"
	FeatureArchived           Type = "feature-archived"
	FeatureRevived            Type = "feature-revived"
	FeatureStaleOn            Type = "feature-stale-on"
	FeatureStaleOff           Type = "feature-stale-off"
	FeaturePotentiallyStaleOn Type = "feature-potentially-stale-on"
	FeatureCompleted          Type = "feature-completed"
	FeatureUncompleted        Type = "feature-uncompleted"
	FeatureProjectChange      Type = "feature-project-change"
	FeatureTagged             Type = "feature-tagged"
	FeatureUntagged           Type = "feature-untagged"
	FeatureLinkAdded          Type = "feature-link-added"
	FeatureLinkUpdated        Type = "feature-link-updated"
	FeatureLinkRemoved        Type = "feature-link-removed"
	FeatureFavorited          Type = "feature-favorited"
	FeatureUnfavorited        Type = "feature-unfavorited"
	FeaturesImported          Type = "features-imported"
	FeaturesExported          Type = "features-exported"
)

// Flags in an environment.
const (
	FeatureEnvironmentEnabled         Type = "feature-environment-enabled"
	FeatureEnvironmentDisabled        Type = "feature-environment-disabled"
	FeatureEnvironmentVariantsUpdated Type = "feature-environment-variants-updated"
	FeatureVariantsUpdated            Type = "feature-variants-updated"
	FeatureStrategyAdd                Type = "feature-strategy-add"
	FeatureStrategyUpdate             Type = "feature-strategy-update"
	FeatureStrategyRemove             Type = "feature-strategy-remove"
	StrategyOrderChanged              Type = "strategy-order-changed"
)

// Dependencies between flags.
const (
	FeatureDependencyAdded     Type = "feature-dependency-added"
	FeatureDependencyRemoved   Type = "feature-dependency-removed"
	FeatureDependenciesRemoved Type = "feature-dependencies-removed"
)

// Projects and environments.
const (
	ProjectCreated            Type = "project-created"
	ProjectUpdated            Type = "project-updated"
	ProjectDeleted            Type = "project-deleted"
	ProjectArchived           Type = "project-archived"
	ProjectRevived            Type = "project-revived"
	ProjectFavorited          Type = "project-favorited"
	ProjectUnfavorited        Type = "project-unfavorited"
	ProjectEnvironmentAdded   Type = "project-environment-added"
	ProjectEnvironmentRemoved Type = "project-environment-removed"
	DefaultStrategyUpdated    Type = "default-strategy-updated"
	EnvironmentCreated        Type = "environment-created"
	EnvironmentUpdated        Type = "environment-updated"
	EnvironmentDeleted        Type = "environment-deleted"
)

// Segments.
const (
	SegmentCreated Type = "segment-created"
	SegmentUpdated Type = "segment-updated"
	SegmentDeleted Type = "segment-deleted"
)

// API tokens.
const (
	APITokenCreated Type = "api-token-created"
	APITokenUpdated Type = "api-token-updated"
	APITokenDeleted Type = "api-token-deleted"
)

// Vocabularies.
const (
	ContextFieldCreated Type = "context-field-created"
	ContextFieldUpdated Type = "context-field-updated"
	ContextFieldDeleted Type = "context-field-deleted"
	StrategyCreated     Type = "strategy-created"
	StrategyUpdated     Type = "strategy-updated"
	StrategyDeleted     Type = "strategy-deleted"
	StrategyDeprecated  Type = "strategy-deprecated"
	StrategyReactivated Type = "strategy-reactivated"
	TagCreated          Type = "tag-created"
	TagDeleted          Type = "tag-deleted"
	TagTypeCreated      Type = "tag-type-created"
	TagTypeUpdated      Type = "tag-type-updated"
	TagTypeDeleted      Type = "tag-type-deleted"
	FeatureTypeUpdated  Type = "feature-type-updated"
)

// The instance.
const (
	SettingCreated     Type = "setting-created"
	SettingUpdated     Type = "setting-updated"
	SettingDeleted     Type = "setting-deleted"
	ApplicationCreated Type = "application-created"
	BannerCreated      Type = "banner-created"
	BannerUpdated      Type = "banner-updated"
	BannerDeleted      Type = "banner-deleted"

	// Unleash writes no event for these two.
	ApplicationUpdated Type = "application-updated"
	ApplicationDeleted Type = "application-deleted"
)

// Integrations.
const (
	AddonCreated Type = "addon-config-created"
	AddonUpdated Type = "addon-config-updated"
	AddonDeleted Type = "addon-config-deleted"
)
