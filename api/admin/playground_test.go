package admin_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/api"
	"github.com/pennonhq/pennon/api/admin"
	"github.com/pennonhq/pennon/eval"
)

// playgroundServer is a server with one flag in production that has nearly everything, and its kin.
func playgroundServer(t *testing.T) *server {
	t.Helper()
	s := newServer(t)
	s.sql(t, `INSERT INTO projects (id, name) VALUES ('other', 'Other'), ('gone', 'Gone')`)
	s.sql(t, `INSERT INTO project_environments (project, environment) VALUES ('other', 'production')`)
	s.sql(t, `INSERT INTO strategy_types (name) VALUES ('ourOwn')`)
	s.sql(t, `INSERT INTO segments (id, name, constraints) VALUES (7, 'beta', '[{"contextName":"plan","operator":"STR_CONTAINS","values":["BETA"],"caseInsensitive":true}]')`)
	s.sql(t, `INSERT INTO features (name, project, archived_at) VALUES
		('flag', 'default', NULL), ('open', 'default', NULL), ('parent', 'other', NULL), ('unused', 'other', NULL), ('archived', 'default', now()), ('lost', 'gone', NULL)`)
	s.sql(t, `UPDATE projects SET archived_at = now() WHERE id = 'gone'`)
	s.sql(t, `INSERT INTO feature_environments (feature, environment, enabled, variants) VALUES
		('flag', 'production', true, '[]'), ('open', 'production', true, '[]'),
		('parent', 'production', true, '[{"name":"on","weight":1000,"weightType":"variable","stickiness":"default","overrides":[{"contextName":"userId","values":["9"]}]}]'),
		('unused', 'development', true, '[]')`)
	s.sql(t, `INSERT INTO feature_strategies (id, feature, environment, strategy_name, title, disabled, sort_order, parameters, constraints, variants) VALUES
		('s1', 'flag', 'production', 'default', 'Staff', true, 1, '{}', '[{"contextName":"userId","operator":"IN","values":["1"]}]', '[]'),
		('s2', 'flag', 'production', 'flexibleRollout', '', false, 2, '{"rollout":"100","groupId":"g","stickiness":"default"}',
			'[{"contextName":"age","operator":"NUM_GT","values":[],"value":"5","inverted":true}]',
			'[{"name":"blue","weight":1000,"weightType":"variable","stickiness":"default","payload":{"type":"string","value":"#00f"}}]'),
		('s3', 'open', 'production', 'ourOwn', NULL, false, 1, '{}', '[]', '[]'),
		('s4', 'open', 'production', 'applicationHostname', NULL, false, 2, '{"hostNames":"web-1"}', '[{"contextName":"userId","operator":"IN","values":["9"]}]', '[]')`)
	s.sql(t, `INSERT INTO feature_strategy_segments (strategy_id, segment_id) VALUES ('s2', 7)`)
	s.sql(t, `INSERT INTO feature_dependencies (child, parent, variants) VALUES ('flag', 'parent', '["on"]')`)
	return s
}

// flagInPlayground is what TestPlayground and TestAdvancedPlayground are answered for the flag when it is on.
const flagInPlayground = `"isEnabled":true,"isEnabledInCurrentEnvironment":true,"hasUnsatisfiedDependency":false,
	"variant":{"name":"blue","enabled":true,"payload":{"type":"string","value":"#00f"},"feature_enabled":true},
	"variants":[{"name":"blue","weight":1000,"weightType":"variable","stickiness":"default","payload":{"type":"string","value":"#00f"}}],
	"name":"flag","projectId":"default","strategies":{"result":true,"data":[
		{"name":"default","id":"s1","title":"Staff","disabled":true,"parameters":{},"result":{"enabled":"unknown","evaluationStatus":"unevaluated"},
			"constraints":[{"inverted":false,"values":["1"],"operator":"IN","contextName":"userId","caseInsensitive":false,"result":true}],"segments":[],
			"links":{"edit":"/projects/default/features/flag/strategies/edit?environmentId=production&strategyId=s1"}},
		{"name":"flexibleRollout","id":"s2","disabled":false,"parameters":{"rollout":"100","groupId":"g","stickiness":"default"},
			"result":{"enabled":true,"evaluationStatus":"complete","variant":{"name":"blue","enabled":true,"payload":{"type":"string","value":"#00f"}},
				"variants":[{"name":"blue","weight":1000,"weightType":"variable","stickiness":"default","payload":{"type":"string","value":"#00f"}}]},
			"constraints":[{"inverted":true,"values":[],"value":"5","operator":"NUM_GT","contextName":"age","caseInsensitive":false,"result":true}],
			"segments":[{"name":"beta","id":7,"result":true,"constraints":[
				{"inverted":false,"values":["BETA"],"operator":"STR_CONTAINS","contextName":"plan","caseInsensitive":true,"result":true}]}],
			"links":{"edit":"/projects/default/features/flag/strategies/edit?environmentId=production&strategyId=s2"}}]}`

const openInPlayground = `"isEnabled":false,"isEnabledInCurrentEnvironment":true,"hasUnsatisfiedDependency":false,
	"variant":{"name":"disabled","enabled":false,"feature_enabled":false},"variants":[],"name":"open","projectId":"default",
	"strategies":{"result":"unknown","data":[
		{"name":"ourOwn","id":"s3","disabled":false,"parameters":{},"result":{"enabled":"unknown","evaluationStatus":"incomplete"},"constraints":[],"segments":[],
			"links":{"edit":"/projects/default/features/open/strategies/edit?environmentId=production&strategyId=s3"}},
		{"name":"applicationHostname","id":"s4","disabled":false,"parameters":{"hostNames":"web-1"},"result":{"enabled":false,"evaluationStatus":"incomplete"},
			"constraints":[{"inverted":false,"values":["9"],"operator":"IN","contextName":"userId","caseInsensitive":false,"result":false}],"segments":[],
			"links":{"edit":"/projects/default/features/open/strategies/edit?environmentId=production&strategyId=s4"}}]}`

func TestPlayground(t *testing.T) {
	t.Parallel()
	s := playgroundServer(t)
	request := `{"environment":"production","projects":["default"],"context":{"appName":"shop","userId":"1","plan":"my-beta","properties":{"age":"4"}}}`
	require.JSONEq(t, `{"input":`+request+`,"features":[{`+flagInPlayground+`},{`+openInPlayground+`}]}`, s.must(t, "POST", "/playground", request))

	var all struct {
		Features []struct {
			Name                          string
			IsEnabled                     bool
			IsEnabledInCurrentEnvironment bool
			HasUnsatisfiedDependency      bool
			Variant                       struct{ Name string }
			Variants                      []struct{ Overrides []any }
			Strategies                    struct {
				Result any
				Data   []any
			}
		}
	}
	for _, projects := range []string{`"projects":"*",`, ""} {
		answer := s.must(t, "POST", "/playground", `{"environment":"production",`+projects+`"context":{"appName":"shop","age":"6"}}`)
		require.NoError(t, json.Unmarshal([]byte(answer), &all))
		require.Len(t, all.Features, 4, "archived flags and those of archived projects are left out")
		require.Equal(t, "flag", all.Features[0].Name)
		require.Equal(t, "unknown", all.Features[0].Strategies.Result, "Unleash counts a disabled strategy as unknown")
		parent, unused := all.Features[2], all.Features[3]
		require.True(t, parent.IsEnabled)
		require.Equal(t, true, parent.Strategies.Result, "without strategies a flag is on for everybody")
		require.Equal(t, "on", parent.Variant.Name)
		require.Len(t, parent.Variants[0].Overrides, 1)
		require.Equal(t, false, unused.Strategies.Result, "without strategies and off")
		require.False(t, unused.IsEnabledInCurrentEnvironment)
	}

	s.sql(t, `UPDATE feature_environments SET enabled = false WHERE feature = 'parent'`)
	require.NoError(t, json.Unmarshal([]byte(s.must(t, "POST", "/playground", request)), &all))
	require.False(t, all.Features[0].IsEnabled, "the state is that of the moment")
	require.True(t, all.Features[0].HasUnsatisfiedDependency)
	require.Equal(t, true, all.Features[0].Strategies.Result)

	require.NoError(t, json.Unmarshal([]byte(s.must(t, "POST", "/playground", strings.Replace(request, "production", "nowhere", 1))), &all))
	require.False(t, all.Features[0].IsEnabledInCurrentEnvironment, "there is no such environment")
	require.Empty(t, all.Features[0].Strategies.Data)

	for _, projects := range []string{`[]`, `["none"]`} {
		require.NoError(t, json.Unmarshal([]byte(s.must(t, "POST", "/playground", strings.Replace(request, `["default"]`, projects, 1))), &all))
		require.Empty(t, all.Features)
	}
	require.Empty(t, s.log.String())
}

func TestPlaygroundEvaluatesKnownCustomStrategies(t *testing.T) {
	t.Parallel()
	s := playgroundServer(t)
	target := api.New(api.Config{}, slog.New(slog.DiscardHandler))
	admin.Guard(target, adminTokens{})
	admin.Register(target, s.Pool, admin.Config{Strategies: eval.Strategies{"ourOwn": func(map[string]string) eval.Rule {
		return func(c *eval.Context) bool { return c.UserID == "1" }
	}}})
	for user, want := range map[string]string{"1": "true,complete,true", "2": "false,complete,false"} {
		w := sendTo(target, "POST", "/playground", `{"environment":"production","projects":["default"],"context":{"appName":"shop","userId":"`+user+`"}}`)
		require.Equal(t, 200, w.Code, w.Body)
		var answer struct {
			Features []struct {
				IsEnabled  bool
				Strategies struct {
					Result any
					Data   []struct {
						Result struct {
							Enabled          any
							EvaluationStatus string
						}
					}
				}
			}
		}
		require.NoError(t, json.Unmarshal(w.Body.Bytes(), &answer))
		open := answer.Features[1]
		own := open.Strategies.Data[0].Result
		require.Equal(t, user == "1", open.IsEnabled)
		require.Equal(t, want, fmt.Sprintf("%v,%s,%v", own.Enabled, own.EvaluationStatus, open.Strategies.Result))
	}
}

func TestAdvancedPlayground(t *testing.T) {
	t.Parallel()
	s := playgroundServer(t)
	request := `{"environments":["production","development","production"],"projects":["default"],"context":{"appName":"shop","userId":"1,2,1",
		"list":["x"],"count":7,"plan":"beta","currentTime":"2026-01-01T00:00:00Z","userName":"","properties":{"age":"4","plan":"no","userName":"a"}}}`
	var answer struct {
		Input    json.RawMessage
		Features []struct {
			Name         string
			ProjectID    string
			Environments map[string][]json.RawMessage
		}
		Warnings json.RawMessage
	}
	require.NoError(t, json.Unmarshal([]byte(s.must(t, "POST", "/playground/advanced", request)), &answer))
	require.JSONEq(t, request, string(answer.Input))
	require.JSONEq(t, `{"invalidContextProperties":["count","list"]}`, string(answer.Warnings))
	require.Len(t, answer.Features, 2)
	flag := answer.Features[0]
	require.Equal(t, "default", flag.ProjectID)
	require.Len(t, flag.Environments, 2)
	require.Len(t, flag.Environments["production"], 2, "repeated values are tried once")
	context := `{"appName":"shop","userId":"%d","plan":"beta","currentTime":"2026-01-01T00:00:00Z","age":"4","userName":"a"}`
	require.JSONEq(t, `{`+flagInPlayground+`,"environment":"production","context":`+fmt.Sprintf(context, 1)+`}`, string(flag.Environments["production"][0]))
	require.Contains(t, string(flag.Environments["production"][1]), `"result":false`, "of the disabled strategy's constraint for the other user")
	require.JSONEq(t, `{"isEnabled":false,"isEnabledInCurrentEnvironment":false,"hasUnsatisfiedDependency":true,"variants":[],
		"variant":{"name":"disabled","enabled":false,"feature_enabled":false},"name":"flag","projectId":"default",
		"environment":"development","strategies":{"result":false,"data":[]},"context":`+fmt.Sprintf(context, 2)+`}`, string(flag.Environments["development"][1]))
	require.NotContains(t, s.must(t, "POST", "/playground/advanced", `{"environments":["production"],"context":{"appName":"a","properties":null}}`), "warnings")
	require.Empty(t, s.log.String())
}

func TestPlaygroundRefuses(t *testing.T) {
	t.Parallel()
	s := playgroundServer(t)
	values := func(n int) string { return strings.TrimSuffix(strings.Repeat("v%d,", n), ",") }
	numbered := func(n int) string {
		numbers := make([]any, n)
		for i := range numbers {
			numbers[i] = i
		}
		return fmt.Sprintf(values(n), numbers...)
	}
	for _, test := range []struct{ does, path, body, want string }{
		{"no environment", "", `{"context":{"appName":"a"}}`, "The `/body/environment` property is required."},
		{"no context", "", `{"environment":"production"}`, "The `/body/context` property is required."},
		{"no app", "", `{"environment":"production","context":{}}`, "The `/body/context/appName` property is required."},
		{"an empty app", "", `{"environment":"production","context":{"appName":""}}`, "fewer than 1 characters"},
		{"a bad time", "", `{"environment":"production","context":{"appName":"a","currentTime":"x"}}`, "date-time"},
		{"a user that is no string", "", `{"environment":"production","context":{"appName":"a","userId":{}}}`, "/body/context/userId"},
		{"properties that are no object", "", `{"environment":"production","context":{"appName":"a","properties":7}}`, "/body/context/properties"},
		{"projects that are no list", "", `{"environment":"production","projects":"default","context":{"appName":"a"}}`, "/body/projects"},
		{"a context that is a list", "", `{"environment":"production","context":[]}`, "/body/context"},
		{"a NUL", "", `{"environment":"a\u0000b","context":{"appName":"a"}}`, "BadDataError"},
		{"no environments", "/advanced", `{"environments":[],"context":{"appName":"a"}}`, "fewer than 1 items"},
		{"a bad environment", "/advanced", `{"environments":["*"],"context":{"appName":"a"}}`, "must match pattern"},
		{"too many users", "/advanced", `{"environments":["production"],"context":{"appName":"a","userId":"` + numbered(4000) + `"}}`, "That is 4 flags in 1 environments for 4000 combinations of context values: more than 15000 answers at once."},
		{"too many combinations", "/advanced", `{"environments":["production"],"context":{"appName":"` + numbered(200) + `","userId":"` + numbered(200) + `","properties":{"a":"` + numbered(500) + `","b":"` + numbered(500) + `","c":"` + numbered(500) + `"}}}`, "more than 15000 answers at once"},
		{"too large contexts", "/advanced", `{"environments":["production"],"context":{"appName":"a","userId":"` + numbered(3000) + `","big":"` + strings.Repeat("x", 50_000) + `"}}`, "more than 64 MB"},
	} {
		w := s.call("POST", "/playground"+test.path, test.body)
		require.Equal(t, 400, w.Code, "%s: %s", test.does, w.Body)
		require.Contains(t, w.Body.String(), test.want, test.does)
	}
	s.sql(t, `UPDATE segments SET constraints = jsonb_build_array(jsonb_build_object('contextName', 'userId', 'operator', 'IN', 'values',
		(SELECT jsonb_agg(i::text || repeat('x', 60)) FROM generate_series(1, 1000) i)))`)
	w := s.call("POST", "/playground/advanced", `{"environments":["production"],"context":{"appName":"a","userId":"`+numbered(3000)+`"}}`)
	require.Equal(t, 400, w.Code)
	require.Contains(t, w.Body.String(), "more than 64 MB", "a large segment is repeated in each answer")
	require.Empty(t, s.log.String())
}
