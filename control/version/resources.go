package version

// Conditions that more than one resource has. A path without a project has an empty {projectId}.
const (
	ofFlag            = "t.feature = {featureName}"
	ofFlagEnvironment = ofFlag + " AND t.environment = {environment}"
	theFlag           = "t.name = {featureName} AND t.project = coalesce(nullif({projectId}, ''), t.project)"
)

// flagRoot is what makes a flag exist, without what belongs to it in every environment.
var flagRoot = rows{table: "features", where: theFlag, hide: "description,type,stale,potentially_stale,impression_data"}

// What people edit, by the parameters of its path.
var (
	// Flag is what belongs to a flag in every environment, with its tags, links and dependencies ({projectId},
	// {featureName}). That it becomes potentially stale is nobody's edit.
	Flag = newResource("flag", rows{table: "features", where: theFlag, hide: "potentially_stale"},
		rows{table: "feature_tags", where: ofFlag},
		rows{table: "feature_links", where: ofFlag},
		rows{table: "feature_dependencies", where: "t.child = {featureName}"})

	// FlagEnvironment is a flag's state in one environment, with its strategies ({projectId}, {featureName}, {environment}).
	FlagEnvironment = newResource("flag's environment", flagRoot,
		rows{table: "feature_environments", where: ofFlagEnvironment},
		rows{table: "feature_strategies", where: ofFlagEnvironment},
		rows{table: "feature_strategy_segments", where: "t.strategy_id IN (SELECT s.id FROM feature_strategies s" +
			" WHERE s.feature = {featureName} AND s.environment = {environment})"})

	// Variants are a flag's variants in one environment (as FlagEnvironment).
	Variants = newResource("flag's variants", flagRoot,
		rows{table: "feature_environments", where: ofFlagEnvironment, hide: "enabled"})

	// Strategy is one activation strategy (as FlagEnvironment, and {strategyId}).
	Strategy = newResource("strategy",
		rows{table: "feature_strategies", where: "t.id = {strategyId} AND " + ofFlagEnvironment},
		rows{table: "feature_strategy_segments", where: "t.strategy_id = {strategyId}"})

	// Segment is a segment ({id}).
	Segment = newResource("segment", rows{table: "segments", where: "t.id = {id}::integer"})

	// Project is a project with its settings and environments ({projectId}).
	Project = newResource("project",
		rows{table: "projects", where: "t.id = {projectId}"},
		rows{table: "project_environments", where: "t.project = {projectId}"})

	// Environment is an environment ({name}).
	Environment = newResource("environment", rows{table: "environments", where: "t.name = {name}"})

	// ContextField is a field of the context, of the instance or of a project ({projectId}, {contextField}).
	ContextField = newResource("context field",
		rows{table: "context_fields", where: "t.name = {contextField} AND t.project IS NOT DISTINCT FROM nullif({projectId}, '')"})

	// TagType is a type of tags ({name}).
	TagType = newResource("tag type", rows{table: "tag_types", where: "t.name = {name}"})

	// StrategyType is a type of strategies ({name}).
	StrategyType = newResource("strategy type", rows{table: "strategy_types", where: "t.name = {name}"})

	// Integration is an integration ({id}).
	Integration = newResource("integration", rows{table: "addons", where: "t.id = {id}::integer"})

	// Banner is a banner ({id}).
	Banner = newResource("banner", rows{table: "banners", where: "t.id = {id}::integer"})

	// TokensNamed are the API tokens with a name ({name}): they are read by name.
	TokensNamed = newResource("API tokens of that name", rows{table: "api_tokens", where: "t.name = {name}"})

	// TokensLike are the API tokens with the name of one of them ({token}, its secret): they are written by secret.
	TokensLike = newResource("API tokens of that name", rows{table: "api_tokens", where: "t.name = (SELECT s.name FROM api_tokens s" +
		" WHERE s.secret_hash = sha256(convert_to({token}, 'UTF8')) OR s.alias = {token}" +
		" ORDER BY s.secret_hash = sha256(convert_to({token}, 'UTF8')) DESC, s.id LIMIT 1)"})
)
