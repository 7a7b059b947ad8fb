package db_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/db"
	"github.com/pennonhq/pennon/db/dbtest"
	"github.com/pennonhq/pennon/replica"
)

// stateCases say what SDKs see in development of a flag that SQL has made.
var stateCases = map[string]struct {
	sql  string // f is the flag
	want string // the flag on the wire; empty: none
}{
	"WithoutRowInEnvironmentIsOff": {
		`INSERT INTO features (name, project) VALUES ('f', 'default')`,
		`{"name":"f","type":"release","enabled":false,"project":"default","stale":false,"strategies":[],"variants":[],"description":null,"impressionData":false}`,
	},
	"HoldsEverythingInOrder": {
		`INSERT INTO features (name, project, type, description, stale, impression_data) VALUES ('p', 'default', 'release', NULL, false, false), ('p2', 'default', 'release', NULL, false, false), ('f', 'default', 'experiment', 'text', true, true);
		INSERT INTO feature_environments VALUES ('f', 'development', true, '[{"name":"blue","weight":600,"weightType":"variable","stickiness":"default","payload":{"type":"string","value":"x"},"overrides":[{"contextName":"userId","values":["1"]}]}]');
		INSERT INTO segments (id, name) VALUES (9, 'nine'), (2, 'two');
		INSERT INTO feature_strategies (id, feature, environment, strategy_name, sort_order, created_at, disabled, parameters, constraints, variants) VALUES
			('c', 'f', 'development', 'default', 2, '2026-01-01', false, '{}', '[]', '[]'),
			('b', 'f', 'development', 'userWithId', 1, '2026-01-02', false, '{"userIds":"1,2"}', '[]', '[]'),
			('a', 'f', 'development', 'flexibleRollout', 1, '2026-01-01', false, '{"rollout":"50"}', '[{"contextName":"userId","operator":"STR_CONTAINS","values":["x"],"inverted":true,"caseInsensitive":true}]', '[{"name":"v","weight":1000}]'),
			('d', 'f', 'development', 'default', 0, '2026-01-01', true, '{}', '[]', '[]'),
			('e', 'f', 'production', 'default', 0, '2026-01-01', false, '{}', '[]', '[]');
		INSERT INTO feature_strategy_segments VALUES ('b', 9), ('b', 2);
		INSERT INTO feature_dependencies VALUES ('f', 'p2', true, '["blue","red"]'), ('f', 'p', false, '["ignored"]')`,
		`{"name":"f","type":"experiment","enabled":true,"project":"default","stale":true,"strategies":[
			{"name":"flexibleRollout","constraints":[{"contextName":"userId","operator":"STR_CONTAINS","values":["x"],"inverted":true,"caseInsensitive":true}],"parameters":{"rollout":"50"},"variants":[{"name":"v","weight":1000}]},
			{"name":"userWithId","constraints":[],"parameters":{"userIds":"1,2"},"variants":[],"segments":[2,9]},
			{"name":"default","constraints":[],"parameters":{},"variants":[]}],
		"variants":[{"name":"blue","weight":600,"weightType":"variable","stickiness":"default","payload":{"type":"string","value":"x"},"overrides":[{"contextName":"userId","values":["1"]}]}],
		"description":"text","impressionData":true,
		"dependencies":[{"feature":"p","enabled":false},{"feature":"p2","enabled":true,"variants":["blue","red"]}]}`,
	},
	"OnWithoutStrategiesIsOnForEverybody": {
		`INSERT INTO features (name, project) VALUES ('f', 'default'); INSERT INTO feature_environments VALUES ('f', 'development', true)`,
		`{"name":"f","type":"release","enabled":true,"project":"default","stale":false,"strategies":[],"variants":[],"description":null,"impressionData":false}`,
	},
	"OnWithAllStrategiesDisabledIsOff": {
		`INSERT INTO features (name, project) VALUES ('f', 'default'); INSERT INTO feature_environments VALUES ('f', 'development', true);
		INSERT INTO feature_strategies (id, feature, environment, strategy_name, disabled) VALUES ('a', 'f', 'development', 'default', true)`,
		`{"name":"f","type":"release","enabled":false,"project":"default","stale":false,"strategies":[],"variants":[],"description":null,"impressionData":false}`,
	},
	"OnWhereProjectDoesNotUseEnvironmentIsOff": {
		`INSERT INTO projects (id, name) VALUES ('other', 'Other'); INSERT INTO features (name, project) VALUES ('f', 'other'); INSERT INTO feature_environments VALUES ('f', 'development', true)`,
		`{"name":"f","type":"release","enabled":false,"project":"other","stale":false,"strategies":[],"variants":[],"description":null,"impressionData":false}`,
	},
	"ArchivedIsHidden":          {`INSERT INTO features (name, project, archived_at) VALUES ('f', 'default', now())`, ""},
	"OfArchivedProjectIsHidden": {`INSERT INTO projects (id, name, archived_at) VALUES ('old', 'Old', now()); INSERT INTO features (name, project) VALUES ('f', 'old')`, ""},
	"ScalarsOfOtherTypesBecomeText": {
		`INSERT INTO features (name, project) VALUES ('f', 'default');
		INSERT INTO feature_strategies (id, feature, environment, strategy_name, parameters, constraints) VALUES
			('a', 'f', 'development', 'flexibleRollout', '{"rollout":50,"flag":true,"none":null,"list":[1, "a"]}',
			'[{"contextName":"age","operator":"NUM_GT","value":18},{"contextName":"id","operator":"IN","values":[1,"b"]},{"contextName":"id","operator":"IN"},{"contextName":"id","operator":"IN","values":null,"value":null}]')`,
		`{"name":"f","type":"release","enabled":false,"project":"default","stale":false,"strategies":[
			{"name":"flexibleRollout","constraints":[{"contextName":"age","operator":"NUM_GT","values":[],"value":"18"},{"contextName":"id","operator":"IN","values":["1","b"]},{"contextName":"id","operator":"IN","values":[]},{"contextName":"id","operator":"IN","values":[]}],
			"parameters":{"rollout":"50","flag":"true","list":"[1,\"a\"]"},"variants":[]}],
		"variants":[],"description":null,"impressionData":false}`,
	},
	"UnreadableConstraintIsNeverMet": {
		`INSERT INTO features (name, project) VALUES ('f', 'default');
		INSERT INTO feature_strategies (id, feature, environment, strategy_name, constraints) VALUES
			('a', 'f', 'development', 'default', '["text", {"operator":"IN"}, {"contextName":"id","operator":"IN","values":"x"}, {"contextName":"id","operator":"IN","inverted":"yes"}, {"contextName":"id","operator":"IN","values":["1"]}]')`,
		`{"name":"f","type":"release","enabled":false,"project":"default","stale":false,"strategies":[{"name":"default","constraints":[
			{"contextName":"userId","operator":"IN","values":[]},{"contextName":"userId","operator":"IN","values":[]},{"contextName":"userId","operator":"IN","values":[]},{"contextName":"userId","operator":"IN","values":[]},
			{"contextName":"id","operator":"IN","values":["1"]}],"parameters":{},"variants":[]}],
		"variants":[],"description":null,"impressionData":false}`,
	},
	"UnreadableVariantIsLeftOut": {
		`INSERT INTO features (name, project) VALUES ('f', 'default'); INSERT INTO feature_environments VALUES ('f', 'development', true,
			'[1, {"weight":1}, {"name":"neg","weight":-1}, {"name":"huge","weight":1e99}, {"name":"a","weight":333.4,"payload":{"type":"json","value":{"k": 1}}}]')`,
		`{"name":"f","type":"release","enabled":true,"project":"default","stale":false,"strategies":[],
		"variants":[{"name":"a","weight":333,"payload":{"type":"json","value":"{\"k\":1}"}}],"description":null,"impressionData":false}`,
	},
	"UnreadableParentVariantIsNeverGiven": {
		`INSERT INTO features (name, project) VALUES ('p', 'default'), ('f', 'default'); INSERT INTO feature_dependencies VALUES ('f', 'p', true, '[{"a":1}]')`,
		`{"name":"f","type":"release","enabled":false,"project":"default","stale":false,"strategies":[],"variants":[],"description":null,"impressionData":false,
		"dependencies":[{"feature":"p","enabled":true,"variants":["{\"a\":1}"]}]}`,
	},
}

func TestStateIsWhatSDKsMaySee(t *testing.T) {
	t.Parallel()
	for name, c := range stateCases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := dbtest.New(t)
			s := newSink(t)
			follow(t, changeLogOf(d, d.DSN), s)
			run(t, d, c.sql)
			s.awaitRevision(head(t, d))
			require.Equal(t, truth(t, d.DSN), s.state(), "a change and a snapshot read alike")
			feature, exists := s.features["development"]["f"]
			require.Equal(t, c.want != "", exists)
			if exists {
				text, err := json.Marshal(feature.Feature)
				require.NoError(t, err)
				require.JSONEq(t, c.want, string(text))
			}
		})
	}
}

func TestUnreadableValueIsReportedWithItsPlace(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	s := newSink(t)
	var log logBuffer
	follow(t, db.NewChangeLog(d.Pool, db.ChangeLogConfig{URL: d.DSN, Logger: log.Logger()}), s)
	run(t, d, `INSERT INTO features (name, project) VALUES ('f', 'default');
		INSERT INTO feature_strategies (id, feature, environment, strategy_name, constraints) VALUES ('a', 'f', 'development', 'default', '[1]')`)
	s.awaitRevision(head(t, d))
	require.Regexp(t, `level=WARN .*value=constraint .*feature=f environment=development strategy=a`, log.String())
}

func TestTagsAndSegmentsAreRead(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	s := newSink(t)
	follow(t, changeLogOf(d, d.DSN), s)
	run(t, d, `INSERT INTO features (name, project) VALUES ('f', 'default');
		INSERT INTO tags (type, value) VALUES ('simple', 'bb'), ('simple', 'aa');
		INSERT INTO feature_tags (feature, type, value) VALUES ('f', 'simple', 'bb'), ('f', 'simple', 'aa');
		INSERT INTO segments (id, name, constraints) VALUES (4, 'four', '[{"contextName":"userId","operator":"IN","values":["1"]}]')`)
	s.awaitRevision(head(t, d))
	require.Equal(t, []replica.Tag{{Type: "simple", Value: "aa"}, {Type: "simple", Value: "bb"}}, s.features["production"]["f"].Tags)
	require.Equal(t, "four", s.segments[4].Name)
	require.Equal(t, []string{"1"}, s.segments[4].Constraints[0].Values)
}

// A change says which environments it concerns and the newest revision that does so.
func TestChangeNamesTheEnvironmentsConcerned(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	run(t, d, `INSERT INTO features (name, project) VALUES ('f', 'default'), ('g', 'default')`)
	s := newSink(t)
	follow(t, changeLogOf(d, d.DSN), s)
	run(t, d, `INSERT INTO feature_environments VALUES ('f', 'development', true); UPDATE features SET stale = true WHERE name = 'g'; INSERT INTO feature_environments VALUES ('g', 'production', true)`)
	s.awaitRevision(head(t, d))
	require.Len(t, s.deltas, 1)
	first := s.deltas[0].Rows[0].Revision
	var got []string
	for _, change := range s.deltas[0].Features {
		got = append(got, change.Environment+"/"+change.Name)
		switch change.Environment + "/" + change.Name {
		case "development/f":
			require.Equal(t, first, change.Revision)
		case "development/g":
			require.Equal(t, first+1, change.Revision)
		case "production/g":
			require.Equal(t, first+2, change.Revision)
		}
	}
	require.Equal(t, []string{"development/f", "development/g", "production/g"}, got)
}
