package feature_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/control/constraint"
	"github.com/pennonhq/pennon/control/feature"
	"github.com/pennonhq/pennon/db/dbtest"
	"github.com/pennonhq/pennon/fault"
)

func place(name string) feature.Place {
	return feature.Place{Project: "default", Feature: name, Environment: "development"}
}

func TestAStrategyOlderThanARuleCanBeDisabled(t *testing.T) {
	t.Parallel()
	ctx, tx := admin(t.Context()), dbtest.Tx(t)
	create(t, tx, "old1")
	added, err := feature.AddStrategy(ctx, tx, place("old1"), feature.StrategyInput{
		Name: "default", Constraints: []constraint.Constraint{{ContextName: "appName", Operator: "IN", Values: []string{"a"}}},
	})
	require.NoError(t, err)
	exec(t, tx, `UPDATE context_fields SET legal_values = '[{"value":"b"}]' WHERE name = 'appName'`)

	disabled, err := feature.UpdateStrategy(ctx, tx, place("old1"), added.ID, func(s *feature.Strategy) error {
		s.Disabled = true
		return nil
	})
	require.NoError(t, err)
	require.True(t, disabled.Disabled)

	_, err = feature.UpdateStrategy(ctx, tx, place("old1"), added.ID, func(s *feature.Strategy) error {
		s.Constraints = []constraint.Constraint{{ContextName: "appName", Operator: "IN", Values: []string{"c"}}}
		return nil
	})
	require.True(t, fault.Is(err, fault.Invalid), "%v", err)
}

func TestADefaultStrategyThatLostItsSegmentDoesNotOpenTheFlag(t *testing.T) {
	t.Parallel()
	ctx, tx := admin(t.Context()), dbtest.Tx(t)
	create(t, tx, "lost1")
	exec(t, tx, `UPDATE project_environments SET default_strategy = '{"name":"default","segments":[4711]}' WHERE project = 'default' AND environment = 'development'`)
	err := feature.Enable(ctx, tx, place("lost1"), false)
	require.True(t, fault.Is(err, fault.NotFound), "%v", err)
}

func TestStrategiesWrittenByPlainSQLAreReadAsTheyAre(t *testing.T) {
	t.Parallel()
	ctx, tx := admin(t.Context()), dbtest.Tx(t)
	create(t, tx, "sql1")
	exec(t, tx, `INSERT INTO feature_strategies (id, feature, environment, strategy_name, parameters, constraints, variants) VALUES
		('by-hand', 'sql1', 'development', 'flexibleRollout', '{"rollout": 50, "on": true, "none": null, "deep": {"a": 1}}',
		'[{"contextName":"userId","operator":"IN"}]', '[{"name":"v","weight":1}]')`)
	strategies, err := feature.Strategies(ctx, tx, place("sql1"))
	require.NoError(t, err)
	require.Len(t, strategies, 1)
	require.Equal(t, map[string]string{"rollout": "50", "on": "true", "none": "", "deep": `{"a": 1}`}, strategies[0].Parameters)
	require.Equal(t, []constraint.Constraint{{ContextName: "userId", Operator: "IN", Values: []string{}}}, strategies[0].Constraints)
	require.Equal(t, []feature.Variant{{Name: "v", Weight: 1}}, strategies[0].Variants)
}

func TestTurningOnRestoresAStrategyWherePlainSQLLeftNone(t *testing.T) {
	t.Parallel()
	ctx, tx := admin(t.Context()), dbtest.Tx(t)
	create(t, tx, "bare1")
	exec(t, tx, `INSERT INTO feature_environments (feature, environment, enabled) VALUES ('bare1', 'development', true)`)
	require.NoError(t, feature.Enable(ctx, tx, place("bare1"), false))
	enabled, strategies, err := feature.State(ctx, tx, place("bare1"))
	require.NoError(t, err)
	require.True(t, enabled)
	require.Len(t, strategies, 1)
	require.Equal(t, feature.FlexibleRollout, strategies[0].Name)
}

func TestARolloutIsStickyAsItsProjectIs(t *testing.T) {
	t.Parallel()
	ctx, tx := admin(t.Context()), dbtest.Tx(t)
	create(t, tx, "sticky1")
	exec(t, tx, `UPDATE projects SET default_stickiness = 'userId' WHERE id = 'default'`)
	added, err := feature.AddStrategy(ctx, tx, place("sticky1"), feature.StrategyInput{
		Name: feature.FlexibleRollout, Parameters: map[string]string{"rollout": ""},
	})
	require.NoError(t, err)
	require.Equal(t, map[string]string{"rollout": "", "groupId": "sticky1", "stickiness": "userId"}, added.Parameters)
}

func TestParameterText(t *testing.T) {
	t.Parallel()
	for value, text := range map[string]string{`"a"`: "a", `1.50`: "1.50", `true`: "true", `null`: "", `""`: "", `"\u00e9"`: "é"} {
		require.Equal(t, text, feature.ParameterText(json.RawMessage(value)))
	}
}

func TestSetStrategySegments(t *testing.T) {
	t.Parallel()
	ctx, tx := admin(t.Context()), dbtest.Tx(t)
	create(t, tx, "segments1")
	exec(t, tx, `INSERT INTO segments (id, name) VALUES (9001, 'nine'), (9002, 'nine two')`)
	added, err := feature.AddStrategy(ctx, tx, place("segments1"), feature.StrategyInput{Name: "default", Segments: []int32{9001}})
	require.NoError(t, err)

	changed, err := feature.SetStrategySegments(ctx, tx, "default", "development", added.ID, []int32{9002, 9002})
	require.NoError(t, err)
	require.Equal(t, []int32{9002}, changed.Segments)
	strategies, err := feature.Strategies(ctx, tx, place("segments1"))
	require.NoError(t, err)
	require.Equal(t, []int32{9002}, strategies[0].Segments)

	_, err = feature.SetStrategySegments(ctx, tx, "default", "development", "nope", nil)
	require.True(t, fault.Is(err, fault.NotFound), "%v", err)
	_, err = feature.SetStrategySegments(ctx, tx, "other", "development", added.ID, nil)
	require.True(t, fault.Is(err, fault.NotFound), "%v", err)
	_, err = feature.SetStrategySegments(ctx, tx, "default", "production", added.ID, nil)
	require.True(t, fault.Is(err, fault.NotFound), "%v", err)
}
