package main

import "github.com/pennonhq/pennon/control/limit"

// limitOptions are how much of everything there may be. Names and defaults are Unleash's; GET /api/admin/ui-config tells
// the values.
type limitOptions struct {
	SegmentValues    int `name:"segment-values-limit" env:"UNLEASH_SEGMENT_VALUES_LIMIT" default:"1000" help:"Values in all constraints of a segment."`
	StrategySegments int `name:"strategy-segments-limit" env:"UNLEASH_STRATEGY_SEGMENTS_LIMIT" default:"5" help:"Segments of a strategy."`
	Strategies       int `name:"feature-environment-strategies-limit" env:"UNLEASH_FEATURE_ENVIRONMENT_STRATEGIES_LIMIT" default:"30" help:"Strategies of a flag in an environment."`
	ConstraintValues int `name:"constraint-values-limit" env:"UNLEASH_CONSTRAINT_VALUES_LIMIT" default:"250" help:"Values of a constraint of a strategy."`
	Constraints      int `name:"constraints-limit" env:"UNLEASH_CONSTRAINTS_LIMIT" default:"30" help:"Constraints of a strategy."`
	Environments     int `name:"environments-limit" env:"UNLEASH_ENVIRONMENTS_LIMIT" default:"50" help:"Environments."`
	Projects         int `name:"projects-limit" env:"UNLEASH_PROJECTS_LIMIT" default:"500" help:"Projects, archived ones not counted."`
	APITokens        int `name:"api-tokens-limit" env:"UNLEASH_API_TOKENS_LIMIT" default:"2000" help:"API tokens."`
	Segments         int `name:"segments-limit" env:"UNLEASH_SEGMENTS_LIMIT" default:"300" help:"Segments."`
	Features         int `name:"feature-flags-limit" env:"UNLEASH_FEATURE_FLAGS_LIMIT" default:"5000" help:"Flags, archived ones not counted. What there is when a limit is lowered stays."`
}

func (o limitOptions) limits() (limit.Limits, error) {
	limits := limit.Limits(o)
	return limits, limits.Check()
}
