package admin_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const (
	exportPath   = "/features-batch/export"
	validatePath = "/features-batch/validate"
	importPath   = "/features-batch/import"
)

// unleashDocument is as Unleash 8.2 exports it.
const unleashDocument = `{"features":[{"name":"f2","description":null,"type":"experiment","project":"elsewhere","stale":false,"impressionData":false,"archived":false}],
	"featureStrategies":[
		{"name":"flexibleRollout","id":"01M80MV64CF3BQBJZMFZ0VPY16","featureName":"f2","title":null,"parameters":{"groupId":"f2","rollout":"100","stickiness":"default"},"constraints":[],"variants":[],"disabled":false,"segments":[]},
		{"name":"default","id":"01M80MV64CF3BQBJZMFZ0VPY17","featureName":"f2","title":"T","parameters":{},"constraints":[{"value":"5","values":[],"operator":"NUM_GT","contextName":"appName"}],"variants":[],"disabled":false,"segments":[7]}],
	"featureEnvironments":[{"enabled":true,"featureName":"f2","environment":"development","variants":[{"name":"v1","weight":1000,"payload":{"type":"number","value":"5"},"stickiness":"default","weightType":"variable"}],"name":"f2"}],
	"contextFields":[{"name":"tier","description":null,"stickiness":false,"sortOrder":3,"legalValues":[]}],
	"featureTags":[{"featureName":"f2","tagType":"team","tagValue":"t1"}],
	"segments":[{"id":7,"name":"testers"}],
	"tagTypes":[{"name":"team","description":"","icon":"#","color":"#FFFFFF"}],"dependencies":[],"links":[]}`

func importing(project, environment, document string) string {
	return fmt.Sprintf(`{"project":%q,"environment":%q,"data":%s}`, project, environment, document)
}

const valid = `{"errors":[],"warnings":[],"permissions":[]}`

func TestImport(t *testing.T) {
	t.Parallel()
	t.Run("TakesADocumentOfUnleashIntoAnotherEnvironment", func(t *testing.T) {
		t.Parallel()
		s := newServer(t)
		request := importing("default", "production", unleashDocument)
		s.run(t, []step{
			{
				does: "misses the segment, whose body Unleash does not export", method: "POST", path: validatePath, body: request, status: 200,
				want: `{"errors":[{"message":"The following segments do not exist, and the document does not hold their constraints:","affectedItems":["testers"]}],"warnings":[],"permissions":[]}`,
			},
			{
				does: "fails for it", method: "POST", path: importPath, body: request, status: 400,
				want: "~do not exist, and the document does not hold their constraints: testers", changes: []string{},
			},
			{
				does: "makes the segment", method: "POST", path: "/segments", body: `{"name":"testers","constraints":[]}`, status: 201,
				events: []string{"segment-created -/-/-"},
			},
			{does: "finds nothing wrong then", method: "POST", path: validatePath, body: request, status: 200, want: valid, changes: []string{}},
			{does: "tries it without writing", method: "POST", path: importPath + "?dryRun=true", body: request, status: 200, want: valid, changes: []string{}},
			{
				does: "imports", method: "POST", path: importPath, body: request, status: 200,
				events: []string{
					"context-field-created -/-/-", "tag-type-created -/-/-", "feature-created default/f2/-", "feature-tagged default/f2/-",
					"feature-strategy-add default/f2/production", "feature-strategy-add default/f2/production",
					"feature-environment-variants-updated default/f2/production", "feature-environment-enabled default/f2/production",
					"features-imported default/-/production",
				},
			},
			{
				does: "warns when asked again", method: "POST", path: validatePath, body: request, status: 200,
				want: `{"errors":[],"warnings":[{"message":"The following features already exist in this project and will be overwritten:","affectedItems":["f2"]}],"permissions":[]}`,
			},
			{does: "changes nothing when repeated", method: "POST", path: importPath, body: request, status: 200, changes: []string{}},
			{
				does: "exports the same", method: "POST", path: exportPath, body: `{"project":"default","environment":"production"}`, status: 200,
				want: `~"featureTags":[{"featureName":"f2","tagType":"team","tagValue":"t1"}]`, events: []string{"features-exported default/-/production"},
			},
			{
				does: "exports segments with their bodies", method: "POST", path: exportPath, body: `{"environment":"production"}`, status: 200,
				want: `~"segments":[{"id":1,"name":"testers","constraints":[]}]`, events: []string{"features-exported -/-/production"},
			},
			{
				does: "exports what Unleash takes, which knows no bodies", method: "POST", path: exportPath,
				body: `{"environment":"production","format":"unleash"}`, status: 200,
				want: `~"segments":[{"id":1,"name":"testers"}]`, events: []string{"features-exported -/-/production"},
			},
			{does: "exports one environment for Unleash", method: "POST", path: exportPath, body: `{"format":"unleash"}`, status: 400},
		})
	})
	t.Run("OverwritesWhatDiffersAndKeepsStrategyIDs", func(t *testing.T) {
		t.Parallel()
		s := newServer(t)
		s.must(t, "POST", "/projects/default/features", `{"name":"f","tags":[{"type":"simple","value":"old"}]}`)
		place := "/projects/default/features/f/environments/development"
		var first struct{ ID string }
		require.NoError(t, json.Unmarshal([]byte(s.must(t, "POST", place+"/strategies", `{"name":"default","title":"one"}`)), &first))
		s.must(t, "POST", place+"/strategies", `{"name":"default","title":"two"}`)
		s.must(t, "POST", place+"/on", "")
		s.events(t)
		s.must(t, "POST", importPath, importing("default", "development", `{"features":[{"name":"f","type":"experiment","description":"new"}],
			"featureStrategies":[{"name":"flexibleRollout","featureName":"f","parameters":{"rollout":20}}],
			"featureEnvironments":[{"featureName":"f","enabled":false}],"featureTags":[{"featureName":"f","tagValue":"new"}],"tagTypes":[]}`))
		require.Equal(t, []string{
			"feature-metadata-updated default/f/-", "feature-untagged default/f/-", "feature-tagged default/f/-",
			"feature-strategy-update default/f/development", "feature-strategy-remove default/f/development",
			"feature-environment-disabled default/f/development", "features-imported default/-/development",
		}, s.events(t))
		require.JSONEq(t, fmt.Sprintf(`[{"id":%q,"name":"flexibleRollout","title":null,"disabled":false,"sortOrder":0,"constraints":[],
			"variants":[],"segments":[],"parameters":{"rollout":"20"}}]`, first.ID), s.must(t, "GET", place+"/strategies", ""))
	})
	t.Run("ReportsEverythingThatIsWrong", func(t *testing.T) {
		t.Parallel()
		s := newServer(t)
		s.must(t, "POST", "/projects", `{"id":"other","name":"Other"}`)
		s.must(t, "POST", "/projects/other/features", `{"name":"taken"}`)
		s.must(t, "POST", "/projects/default/features", `{"name":"gone"}`)
		s.must(t, "DELETE", "/projects/default/features/gone", "")
		s.events(t)
		s.changes(t)
		answer := s.must(t, "POST", validatePath, importing("default", "development", `{"features":[{"name":"taken"},{"name":"gone"},{"name":"new"},{"name":"new"}],
			"featureStrategies":[{"name":"magic","featureName":"new"},{"name":"default","featureName":"missing","segments":[9]},{"name":"default","featureName":"new","segments":[9]}],
			"featureTags":[{"featureName":"new","tagType":"unknown","tagValue":"xx"}],"tagTypes":[],
			"dependencies":[{"feature":"new","dependencies":[{"feature":"nobody"}]}]}`))
		for _, part := range []string{
			`more than once:","affectedItems":["new"]`, `does not have:","affectedItems":["missing"]`,
			`already exist in other projects:","affectedItems":["taken"]`, `delete them first:","affectedItems":["gone"]`,
			`following ids:","affectedItems":["9"]`, `tag types do not exist, and the document does not hold them:","affectedItems":["unknown"]`,
			`strategy types do not exist, and the document does not hold them:","affectedItems":["magic"]`, `"affectedItems":["nobody"]`,
		} {
			require.Contains(t, answer, part)
		}
		require.Empty(t, s.changes(t))
		require.Empty(t, s.events(t))
	})
	t.Run("TriesTheRulesOfFlags", func(t *testing.T) {
		t.Parallel()
		s := newServer(t)
		answer := s.must(t, "POST", validatePath, importing("default", "development", `{"features":[{"name":"good"},{"name":"not good"},{"name":"odd","type":"odd"}],
			"featureStrategies":[],"tagTypes":[]}`))
		require.Contains(t, answer, `URL friendly. You provided \"not good\".","affectedItems":["not good"]`)
		require.Contains(t, answer, `"affectedItems":["odd"]`)
		require.NotContains(t, answer, `"affectedItems":["good"]`)
		require.Equal(t, http.StatusNotFound, s.call("GET", "/projects/default/features/good", "").Code)
	})
	t.Run("DoesAllOrNothing", func(t *testing.T) {
		t.Parallel()
		s := newServer(t)
		s.events(t)
		w := s.call("POST", importPath, importing("default", "development", `{"features":[{"name":"a"},{"name":"b","type":"odd"}],"featureStrategies":[],"tagTypes":[]}`))
		require.Equal(t, http.StatusBadRequest, w.Code)
		require.Equal(t, http.StatusNotFound, s.call("GET", "/projects/default/features/a", "").Code)
		require.Empty(t, s.events(t))
	})
	t.Run("NamesWhatIsNotThere", func(t *testing.T) {
		t.Parallel()
		s := newServer(t)
		empty := `{"features":[],"featureStrategies":[],"tagTypes":[]}`
		require.Equal(t, http.StatusNotFound, s.call("POST", importPath, importing("default", "nope", empty)).Code)
		require.Equal(t, http.StatusNotFound, s.call("POST", validatePath, importing("nope", "development", empty)).Code)
		require.Equal(t, http.StatusNotFound, s.call("POST", exportPath, `{"environment":"nope"}`).Code)
		require.Equal(t, http.StatusBadRequest, s.call("POST", importPath, `{"project":"default"}`).Code)
	})
	t.Run("AddsAStrategyWhereAFlagWouldBeOpenToAll", func(t *testing.T) {
		t.Parallel()
		s := newServer(t)
		request := importing("default", "development", `{"features":[{"name":"f"}],"featureStrategies":[],"tagTypes":[],
			"featureEnvironments":[{"featureName":"f","enabled":true}]}`)
		require.Contains(t, s.must(t, "POST", validatePath, request), `the default strategy will be added:","affectedItems":["f"]`)
		s.must(t, "POST", importPath, request)
		require.Contains(t, s.must(t, "GET", "/projects/default/features/f/environments/development/strategies", ""), `"name":"flexibleRollout"`)
	})
	t.Run("TakesMoreThanOtherBodies", func(t *testing.T) {
		t.Parallel()
		s := newServer(t)
		long := strings.Repeat("x", 600_000)
		s.must(t, "POST", importPath, importing("default", "development",
			`{"features":[{"name":"f","description":"`+long+`"}],"featureStrategies":[],"tagTypes":[]}`))
	})
}

func TestExport(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	for _, name := range []string{"a", "b", "c"} {
		s.must(t, "POST", "/projects/default/features", `{"name":"`+name+`","tags":[{"type":"simple","value":"tag-`+name+`"}]}`)
		s.must(t, "POST", "/projects/default/features/"+name+"/environments/development/on", "")
	}
	s.must(t, "DELETE", "/projects/default/features/c", "")
	names := func(query string) (names []string) {
		var document struct{ Features []struct{ Name string } }
		require.NoError(t, json.Unmarshal([]byte(s.must(t, "POST", exportPath, query)), &document))
		for _, f := range document.Features {
			names = append(names, f.Name)
		}
		return names
	}
	require.Equal(t, []string{"a", "b"}, names(`{}`), "archived flags stay")
	require.Equal(t, []string{"b"}, names(`{"features":["b","c","nope"],"environment":"development"}`))
	require.Empty(t, names(`{"features":[],"environment":"development"}`))
	require.Equal(t, []string{"a"}, names(`{"tag":"tag-a","environment":"production"}`))
	require.Equal(t, []string{"a"}, names(`{"tag":"simple:tag-a"}`))
	require.Equal(t, []string{"b"}, names(`{"tag":"tag-b","project":"default","features":["a","b"]}`))

	one := s.must(t, "POST", exportPath, `{"features":["a"],"environment":"development"}`)
	require.Contains(t, one, `"featureEnvironments":[{"name":"a","featureName":"a","environment":"development","enabled":true,"variants":[]}]`)
	w := s.call("POST", exportPath+"?downloadFile=true", `{"project":"default"}`)
	require.Contains(t, w.Header().Get("Content-Disposition"), "attachment")
}
