package admin

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/pennonhq/pennon/control/access"
	"github.com/pennonhq/pennon/control/playground"
	"github.com/pennonhq/pennon/eval"
)

// PlaygroundRequestSchema asks how flags are evaluated in one environment for one context.
type PlaygroundRequestSchema struct {
	Environment string              `json:"environment" doc:"In an environment that does not exist every flag is off"`
	Projects    *PlaygroundProjects `json:"projects,omitempty"`
	Context     SdkContextSchema    `json:"context"`
}

// AdvancedPlaygroundRequestSchema asks how flags are evaluated in environments for all combinations of context values.
type AdvancedPlaygroundRequestSchema struct {
	Environments []playgroundEnvironment `json:"environments" nullable:"false" minItems:"1" doc:"In one that does not exist every flag is off"`
	Projects     *PlaygroundProjects     `json:"projects,omitempty"`
	Context      SdkContextSchema        `json:"context" doc:"Values separated by commas are tried one by one, except in currentTime"`
}

// PlaygroundProjects is a choice of projects: a list of ids, or * for all, as when there is no choice.
type PlaygroundProjects struct {
	ids []string // nil is all
}

// playgroundEnvironment is an environment's name in a request.
type playgroundEnvironment string

// PlaygroundResponseSchema holds an answer for each flag.
type PlaygroundResponseSchema struct {
	Input    PlaygroundRequestSchema   `json:"input"`
	Features []PlaygroundFeatureSchema `json:"features" nullable:"false"`
}

// AdvancedPlaygroundResponseSchema holds for each flag an answer for each environment and combination of context values.
type AdvancedPlaygroundResponseSchema struct {
	Features []AdvancedPlaygroundFeatureSchema `json:"features" nullable:"false"`
	Input    AdvancedPlaygroundRequestSchema   `json:"input"`
	Warnings *PlaygroundWarnings               `json:"warnings,omitempty"`
}

// PlaygroundWarnings tells what of a request was left out.
type PlaygroundWarnings struct {
	InvalidContextProperties []string `json:"invalidContextProperties,omitempty" doc:"Context fields that are no strings"`
}

// AdvancedPlaygroundFeatureSchema is a flag with its answers by environment.
type AdvancedPlaygroundFeatureSchema struct {
	Name         string                                                  `json:"name"`
	ProjectID    string                                                  `json:"projectId"`
	Environments map[string][]AdvancedPlaygroundEnvironmentFeatureSchema `json:"environments"`
}

type (
	playgroundInput         struct{ Body PlaygroundRequestSchema }
	playgroundOutput        struct{ Body PlaygroundResponseSchema }
	advancedPlaygroundInput struct {
		Body AdvancedPlaygroundRequestSchema
	}
	advancedPlaygroundOutput struct {
		Body AdvancedPlaygroundResponseSchema
	}
)

func (a *API) registerPlayground() {
	const tag, ok = "Playground", http.StatusOK
	read(a, access.Anyone, op(post, "/playground", "getPlayground", tag, status(ok)), a.playground)
	read(a, access.Anyone, op(post, "/playground/advanced", "getAdvancedPlayground", tag, status(ok)), a.advancedPlayground)
}

func (a *API) playground(ctx context.Context, in *playgroundInput) (*playgroundOutput, error) {
	state, err := playground.Read(ctx, a.pool, playground.Query{
		Environments: []string{in.Body.Environment}, Projects: in.Body.Projects.list(), Strategies: a.config.Strategies, Contexts: 1,
	})
	if err != nil {
		return nil, err
	}
	out := &playgroundOutput{PlaygroundResponseSchema{Input: in.Body, Features: make([]PlaygroundFeatureSchema, len(state.Flags))}}
	for i, flag := range state.Flags {
		out.Body.Features[i] = playgroundFeature(state.Explain(flag, in.Body.Environment, &in.Body.Context.evaluation))
	}
	return out, nil
}

func (a *API) advancedPlayground(ctx context.Context, in *advancedPlaygroundInput) (*advancedPlaygroundOutput, error) {
	environments := in.Body.environments()
	contexts, err := in.Body.Context.combinations(len(environments))
	if err != nil {
		return nil, err
	}
	state, err := playground.Read(ctx, a.pool, playground.Query{
		Environments: environments, Projects: in.Body.Projects.list(), Strategies: a.config.Strategies,
		Contexts: len(contexts), ContextBytes: contexts.bytes(),
	})
	if err != nil {
		return nil, err
	}
	return &advancedPlaygroundOutput{AdvancedPlaygroundResponseSchema{
		Features: advancedPlaygroundFeatures(state, environments, contexts), Input: in.Body, Warnings: in.Body.Context.warnings(),
	}}, nil
}

func advancedPlaygroundFeatures(state *playground.State, environments []string, contexts combinations) []AdvancedPlaygroundFeatureSchema {
	features := make([]AdvancedPlaygroundFeatureSchema, len(state.Flags))
	for i, flag := range state.Flags {
		features[i] = AdvancedPlaygroundFeatureSchema{
			Name: flag.Name, ProjectID: flag.Project,
			Environments: make(map[string][]AdvancedPlaygroundEnvironmentFeatureSchema, len(environments)),
		}
		for _, environment := range environments {
			answers := make([]AdvancedPlaygroundEnvironmentFeatureSchema, len(contexts))
			for j := range contexts {
				answers[j] = advancedPlaygroundFeature(state.Explain(flag, environment, &contexts[j].evaluation), contexts[j].flat)
			}
			features[i].Environments[environment] = answers
		}
	}
	return features
}

// environments are those asked for, each once.
func (s AdvancedPlaygroundRequestSchema) environments() []string {
	names, seen := []string{}, map[playgroundEnvironment]bool{}
	for _, name := range s.Environments {
		if !seen[name] {
			seen[name] = true
			names = append(names, string(name))
		}
	}
	return names
}

// Schema bounds the characters, like the names of environments themselves.
func (playgroundEnvironment) Schema(huma.Registry) *huma.Schema {
	one := 1
	return &huma.Schema{Type: huma.TypeString, MinLength: &one, Pattern: "^[a-zA-Z0-9~_.-]+$"}
}

func (p *PlaygroundProjects) list() []string {
	if p == nil {
		return nil
	}
	return p.ids
}

// UnmarshalJSON reads * or a list.
func (p *PlaygroundProjects) UnmarshalJSON(data []byte) error {
	if string(data) == `"*"` {
		p.ids = nil
		return nil
	}
	p.ids = []string{}
	return json.Unmarshal(data, &p.ids)
}

// MarshalJSON writes what was read.
func (p PlaygroundProjects) MarshalJSON() ([]byte, error) {
	if p.ids == nil {
		return []byte(`"*"`), nil
	}
	return json.Marshal(p.ids)
}

// Schema describes both forms.
func (PlaygroundProjects) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{OneOf: []*huma.Schema{
		{Type: huma.TypeArray, Items: &huma.Schema{Type: huma.TypeString}},
		{Type: huma.TypeString, Enum: []any{"*"}},
	}}
}

// truth is an answer on the wire: true, false or "unknown".
type truth eval.Truth

// MarshalJSON writes it.
func (t truth) MarshalJSON() ([]byte, error) {
	switch eval.Truth(t) {
	case eval.True:
		return []byte("true"), nil
	case eval.False:
		return []byte("false"), nil
	default:
		return []byte(`"unknown"`), nil
	}
}

// Schema describes it.
func (truth) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{AnyOf: []*huma.Schema{{Type: huma.TypeBoolean}, {Type: huma.TypeString, Enum: []any{"unknown"}}}}
}
