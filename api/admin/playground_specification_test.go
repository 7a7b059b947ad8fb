package admin_test

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/eval"
)

// playgroundSuites are those of the client specification whose flags can be stored, which leaves out names that are no
// part of a URL and the delta protocol.
var playgroundSuites = []string{
	"01-simple-examples", "02-user-with-id-strategy", "03-gradual-rollout-user-id-strategy", "04-gradual-rollout-session-id-strategy",
	"05-gradual-rollout-random-strategy", "06-remote-address-strategy", "07-multiple-strategies", "08-variants", "09-strategy-constraints",
	"10-flexible-rollout-strategy", "11-strategy-constraints-edge-cases", "12-custom-stickiness", "13-constraint-operators",
	"14-constraint-semver-operators", "15-global-constraints", "16-strategy-variants", "17-dependent-features",
	"21-regex-constraint-operators", "22-cidr-constraint-operators",
}

// playgroundCases is how many cases the suites have.
const playgroundCases = 273

type playgroundSuite struct {
	State struct {
		Features []eval.Feature
		Segments []eval.Segment
	}
	Tests        []playgroundCase[bool]
	VariantTests []playgroundCase[eval.VariantResult]
}

type playgroundCase[T any] struct {
	Description    string
	Context        map[string]any
	ToggleName     string
	ExpectedResult T
}

// playgroundVerdict is what the specification knows of an answer.
type playgroundVerdict struct {
	Name      string             `json:"name"`
	IsEnabled bool               `json:"isEnabled"`
	Variant   eval.VariantResult `json:"variant"`
}

func TestPlaygroundAnswersAsTheClientSpecification(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	cases := 0
	for _, name := range playgroundSuites {
		data, err := os.ReadFile(filepath.Join("..", "..", "eval", "testdata", "client-specification", name+".json"))
		require.NoError(t, err)
		var suite playgroundSuite
		require.NoError(t, json.Unmarshal(data, &suite))
		s.storeSuite(t, suite)
		for _, test := range suite.Tests {
			require.Equal(t, test.ExpectedResult, s.verdict(t, test.Context, test.ToggleName).IsEnabled, "%s: %s", name, test.Description)
		}
		for _, test := range suite.VariantTests {
			require.Equal(t, test.ExpectedResult, s.verdict(t, test.Context, test.ToggleName).Variant, "%s: %s", name, test.Description)
		}
		cases += len(suite.Tests) + len(suite.VariantTests)
	}
	require.Equal(t, playgroundCases, cases, "no case may vanish unnoticed")
	require.Empty(t, s.log.String())
}

// verdict asks the playground. A flag that it does not know is off.
func (s *server) verdict(t *testing.T, context map[string]any, name string) playgroundVerdict {
	t.Helper()
	if context["appName"] == nil {
		context["appName"] = "the specification's"
	}
	// The playground takes no null for absent.
	absent := func(_ string, value any) bool { return value == nil }
	maps.DeleteFunc(context, absent)
	if properties, ok := context["properties"].(map[string]any); ok {
		maps.DeleteFunc(properties, absent)
	}
	body, err := json.Marshal(map[string]any{"environment": "production", "context": context})
	require.NoError(t, err)
	var answer struct{ Features []playgroundVerdict }
	require.NoError(t, json.Unmarshal([]byte(s.must(t, "POST", "/playground", string(body))), &answer))
	for _, feature := range answer.Features {
		if feature.Name == name {
			return feature
		}
	}
	return playgroundVerdict{Variant: eval.VariantResult{Name: "disabled"}}
}

// storeSuite replaces all flags and segments.
func (s *server) storeSuite(t *testing.T, suite playgroundSuite) {
	t.Helper()
	text := func(value any) string {
		data, err := json.Marshal(value)
		require.NoError(t, err)
		if string(data) == "null" {
			return "[]"
		}
		return string(data)
	}
	s.sql(t, `DELETE FROM feature_dependencies`)
	s.sql(t, `DELETE FROM features`)
	s.sql(t, `DELETE FROM segments`)
	for _, segment := range suite.State.Segments {
		s.sql(t, `INSERT INTO segments (id, name, constraints) VALUES ($1, 'segment ' || $1::integer, $2)`, segment.ID, text(segment.Constraints))
	}
	for _, feature := range suite.State.Features {
		s.sql(t, `INSERT INTO features (name, project) VALUES ($1, 'default')`, feature.Name)
		s.sql(t, `INSERT INTO feature_environments (feature, environment, enabled, variants) VALUES ($1, 'production', $2, $3)`,
			feature.Name, feature.Enabled, text(feature.Variants))
		for i, strategy := range feature.Strategies {
			parameters := text(strategy.Parameters)
			if len(strategy.Parameters) == 0 {
				parameters = "{}"
			}
			id := text([]any{feature.Name, i})
			s.sql(t, `INSERT INTO strategy_types (name) VALUES ($1) ON CONFLICT DO NOTHING`, strategy.Name)
			s.sql(t, `INSERT INTO feature_strategies (id, feature, environment, strategy_name, sort_order, parameters, constraints, variants)
				VALUES ($1, $2, 'production', $3, $4, $5, $6, $7)`,
				id, feature.Name, strategy.Name, i, parameters, text(strategy.Constraints), text(strategy.Variants))
			for _, segment := range strategy.Segments {
				// A segment that does not exist cannot be used here; to SDKs one that nobody is in is the same.
				s.sql(t, `INSERT INTO segments (id, name, constraints) VALUES ($1, 'segment ' || $1::integer,
					'[{"contextName":"userId","operator":"IN","values":[]}]') ON CONFLICT DO NOTHING`, segment)
				s.sql(t, `INSERT INTO feature_strategy_segments (strategy_id, segment_id) VALUES ($1, $2)`, id, segment)
			}
		}
	}
	for _, feature := range suite.State.Features {
		for _, dependency := range feature.Dependencies {
			// A parent that does not exist is stored archived, which is the same to SDKs.
			s.sql(t, `INSERT INTO features (name, project, archived_at) VALUES ($1, 'default', now()) ON CONFLICT DO NOTHING`, dependency.Feature)
			s.sql(t, `INSERT INTO feature_dependencies (child, parent, enabled, variants) VALUES ($1, $2, $3, $4)`,
				feature.Name, dependency.Feature, dependency.Enabled == nil || *dependency.Enabled, text(dependency.Variants))
		}
	}
}
