package admin

import "github.com/pennonhq/pennon/control/version"

// versioned is the resource that an operation reads or writes.
type versioned struct {
	*version.Resource

	// names maps parameters of the resource to those of the path, where they are called otherwise there.
	names map[string]string

	// below is set where the answer is something that belongs to the resource: its version is no tag of that.
	below bool
}

func of(r *version.Resource) versioned { return versioned{Resource: r} }

// called is of, for a path that calls the resource's parameter otherwise.
func called(r *version.Resource, parameter, inPath string) versioned {
	return versioned{Resource: r, names: map[string]string{parameter: inPath}}
}

// partOf is of, for what answers with something that belongs to the resource.
func partOf(r *version.Resource) versioned { return versioned{Resource: r, below: true} }

// versions tells which operations have a version, by their ids: reads answer with it as an ETag, writes take it as
// If-Match. A write is of the resource that its path names; on, off and the like are of what they are below.
var versions = map[string]versioned{
	"getFeature": of(version.Flag), "updateFeature": of(version.Flag), "patchFeature": of(version.Flag),
	"archiveFeature": of(version.Flag), "changeProject": of(version.Flag),
	"deleteFeature": of(version.Flag), "reviveFeature": of(version.Flag), // in the archive
	"getLegacyFeature": of(version.Flag), "updateLegacyFeature": of(version.Flag), "archiveLegacyFeature": of(version.Flag),

	"staleLegacyFeatureOn": of(version.Flag), "staleLegacyFeatureOff": of(version.Flag),
	"listTags": of(version.Flag), "addTag": partOf(version.Flag), "updateTags": of(version.Flag), "removeTag": of(version.Flag),
	"createFeatureLink": of(version.Flag), "updateFeatureLink": of(version.Flag), "deleteFeatureLink": of(version.Flag),
	"addFeatureDependency":      called(version.Flag, "featureName", "child"),
	"deleteFeatureDependency":   called(version.Flag, "featureName", "child"),
	"deleteFeatureDependencies": called(version.Flag, "featureName", "child"),

	"getFeatureEnvironment":       of(version.FlagEnvironment),
	"toggleFeatureEnvironmentOn":  of(version.FlagEnvironment),
	"toggleFeatureEnvironmentOff": of(version.FlagEnvironment),
	"addFeatureStrategy":          partOf(version.FlagEnvironment),
	"setStrategySortOrder":        of(version.FlagEnvironment),
	"copyFeatureStrategies":       partOf(version.FlagEnvironment),

	"getFeatureStrategy": of(version.Strategy), "updateFeatureStrategy": of(version.Strategy),
	"patchFeatureStrategy": of(version.Strategy), "deleteFeatureStrategy": of(version.Strategy),

	"getEnvironmentFeatureVariants":       of(version.Variants),
	"overwriteEnvironmentFeatureVariants": of(version.Variants),
	"patchEnvironmentsFeatureVariants":    of(version.Variants),

	"getSegment": of(version.Segment), "updateSegment": of(version.Segment), "removeSegment": of(version.Segment),

	"getProject": of(version.Project), "getProjectOverview": of(version.Project), "updateProject": of(version.Project),
	"updateProjectEnterpriseSettings": of(version.Project), "archiveProject": of(version.Project),
	"reviveProject": of(version.Project), "deleteProject": of(version.Project),
	"addEnvironmentToProject": of(version.Project), "removeEnvironmentFromProject": of(version.Project),
	"addDefaultStrategyToProjectEnvironment": partOf(version.Project),

	"getEnvironment": of(version.Environment), "updateEnvironment": of(version.Environment),
	"removeEnvironment":    of(version.Environment),
	"toggleEnvironmentOn":  of(version.Environment),
	"toggleEnvironmentOff": of(version.Environment),

	"getContextField": of(version.ContextField), "updateContextField": of(version.ContextField),
	"deleteContextField": of(version.ContextField), "updateContextFieldLegalValue": of(version.ContextField),
	"deleteContextFieldLegalValue": of(version.ContextField),

	"getContextFieldForProject": of(version.ContextField), "updateContextFieldForProject": of(version.ContextField),
	"deleteContextFieldForProject": of(version.ContextField), "updateContextFieldLegalValueForProject": of(version.ContextField),
	"deleteContextFieldLegalValueForProject": of(version.ContextField),

	"getTagType": of(version.TagType), "updateTagType": of(version.TagType), "deleteTagType": of(version.TagType),

	"getStrategy": of(version.StrategyType), "updateStrategy": of(version.StrategyType), "removeStrategy": of(version.StrategyType),
	"deprecateStrategy":  called(version.StrategyType, "name", "strategyName"),
	"reactivateStrategy": called(version.StrategyType, "name", "strategyName"),

	"getAddon": of(version.Integration), "updateAddon": of(version.Integration), "deleteAddon": of(version.Integration),

	"getBanner": of(version.Banner), "updateBanner": of(version.Banner), "deleteBanner": of(version.Banner),
	"enableBanner": of(version.Banner), "disableBanner": of(version.Banner),

	"getApiTokensByName": of(version.TokensNamed), "updateApiToken": of(version.TokensLike), "deleteApiToken": of(version.TokensLike),
	"deleteProjectApiToken": of(version.TokensLike),
}
