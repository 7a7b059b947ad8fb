package admin

// resources is the table of contents of the Admin API: one register method a resource file.
func (a *API) resources() []func() {
	return []func(){
		a.registerFeatures,
		a.registerFeatureEnvironments,
		a.registerFeatureStrategies,
		a.registerFeatureVariants,
		a.registerDependencies,
		a.registerArchive,
		a.registerFeatureBulk,
		a.registerFeatureMove,
		a.registerFeatureTags,
		a.registerFeatureLinks,
		a.registerFavorites,
		a.registerFeatureLifecycle,
		a.registerFeatureSearch,
		a.registerFeatureStrategyCopy,
		a.registerProjects,
		a.registerProjectSettings,
		a.registerProjectEnvironments,
		a.registerProjectTokens,
		a.registerEnvironments,
		a.registerEnvironmentClone,
		a.registerSegments,
		a.registerAPITokens,
		a.registerFeatureTypes,
		a.registerContextFields,
		a.registerStrategyTypes,
		a.registerTags,
		a.registerImportExport,
		a.registerEvents,
		a.registerApplications,
		a.registerProjectApplications,
		a.registerFeatureUsage,
		a.registerPlayground,
	}
}
