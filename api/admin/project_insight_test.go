package admin_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// newProjectWithHistory has a project of five flags: new, fast (3 days to production), slow (41 days, long ago, stale), old
// (potentially stale) and gone (completed after use, then archived), and a token and a segment.
func newProjectWithHistory(t *testing.T) *server {
	t.Helper()
	s := newServer(t)
	for _, name := range []string{"new", "fast", "slow", "old", "gone"} {
		s.must(t, "POST", "/projects/default/features", `{"name":"`+name+`"}`)
	}
	s.must(t, "POST", "/projects/default/features/fast/environments/production/on", "")
	s.must(t, "POST", "/projects/default/features/slow/environments/production/on", "")
	s.must(t, "POST", "/projects/default/features/slow/environments/production/off", "")
	s.must(t, "POST", "/projects/default/features/slow/environments/production/on", "")
	s.must(t, "POST", "/projects/default/features/gone/environments/development/on", "")
	s.must(t, "POST", "/projects/default/features/gone/lifecycle/complete", `{"status":"discarded"}`)
	s.must(t, "DELETE", "/projects/default/features/gone", "")
	s.must(t, "POST", "/projects/default/stale", `{"features":["slow"],"stale":true}`)
	s.must(t, "POST", "/projects/default/api-tokens", `{"tokenName":"own","type":"client","environment":"development"}`)
	s.must(t, "POST", "/segments", `{"name":"own","project":"default","constraints":[]}`)
	s.sql(t, `UPDATE features SET created_at = now() - interval '3 days 5 hours' WHERE name = 'fast'`)
	s.sql(t, `UPDATE features SET created_at = now() - interval '92 days' WHERE name = 'slow'`)
	s.sql(t, `UPDATE features SET created_at = now() - interval '45 days', potentially_stale = true WHERE name = 'old'`)
	s.sql(t, `UPDATE events SET created_at = now() - interval '50 days 23 hours' WHERE feature = 'slow' AND type LIKE 'feature-environment-%'`)
	s.sql(t, `UPDATE features SET created_at = now() - interval '10 days' WHERE name = 'gone'`)
	s.sql(t, `UPDATE feature_lifecycles SET pre_live_at = now() - interval '8 days', completed_at = now() - interval '3 days' WHERE feature = 'gone'`)
	return s
}

func TestTimeToProductionIsToldByTheEventLog(t *testing.T) {
	t.Parallel()
	s := newProjectWithHistory(t)
	const dora = `{"projectAverage":22,"features":[{"name":"fast","timeToProduction":3},{"name":"slow","timeToProduction":41}]}`
	require.JSONEq(t, dora, s.must(t, "GET", "/projects/default/dora", ""))

	require.JSONEq(t, `{
		"stats":{"avgTimeToProdCurrentWindow":3,"createdCurrentWindow":3,"createdPastWindow":1,"archivedCurrentWindow":1,"archivedPastWindow":0,
			"projectActivityCurrentWindow":15,"projectActivityPastWindow":3,"projectMembersAddedCurrentWindow":0},
		"health":{"rating":50,"activeCount":3,"potentiallyStaleCount":1,"staleCount":1},
		"technicalDebt":{"rating":50,"activeCount":3,"potentiallyStaleCount":1,"staleCount":1},
		"leadTime":`+dora+`,"featureTypeCounts":[{"type":"release","count":4}],"members":{"currentMembers":0,"change":0}}`,
		s.must(t, "GET", "/projects/default/insights", ""))
}

func TestLiveFlagsWithoutAnEventCountByTheirFirstUse(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.sql(t, `INSERT INTO features (name, project, created_at) VALUES ('beside', 'default', now() - interval '10 days')`)
	s.sql(t, `INSERT INTO feature_lifecycles (feature, live_at) VALUES ('beside', now() - interval '8 days 1 hour')`)
	require.JSONEq(t, `{"projectAverage":1,"features":[{"name":"beside","timeToProduction":1}]}`, s.must(t, "GET", "/projects/default/dora", ""))
}

func TestProjectStatusCountsWhatThereIs(t *testing.T) {
	t.Parallel()
	s := newProjectWithHistory(t)
	var status struct {
		ActivityCountByDate []struct {
			Date  string
			Count int
		}
		LifecycleSummary, Resources, StaleFlags, Health, TechnicalDebt json.RawMessage
	}
	require.NoError(t, json.Unmarshal([]byte(s.must(t, "GET", "/projects/default/status", "")), &status))
	require.JSONEq(t, `{"apiTokens":1,"members":0,"segments":1}`, string(status.Resources))
	require.JSONEq(t, `{"total":2}`, string(status.StaleFlags))
	require.JSONEq(t, `{"current":50}`, string(status.Health))
	require.JSONEq(t, `{"current":50}`, string(status.TechnicalDebt))
	require.JSONEq(t, `{"initial":{"averageDays":2,"currentFlags":4},"preLive":{"averageDays":5,"currentFlags":0},"live":{"averageDays":null,"currentFlags":0},
		"completed":{"averageDays":3,"currentFlags":0},"archived":{"currentFlags":1,"last30Days":1}}`, string(status.LifecycleSummary))
	require.Len(t, status.ActivityCountByDate, 2)
	require.Equal(t, 3, status.ActivityCountByDate[0].Count)
	require.Equal(t, time.Now().UTC().Format(time.DateOnly), status.ActivityCountByDate[1].Date)
}

func TestHealthReportHoldsTheProjectAndItsFlags(t *testing.T) {
	t.Parallel()
	s := newProjectWithHistory(t)
	var report struct {
		Name                                           string
		Health, TechnicalDebt                          int
		ActiveCount, PotentiallyStaleCount, StaleCount int
		Features                                       []struct{ Name string }
		Environments                                   []struct{ Environment string }
	}
	require.NoError(t, json.Unmarshal([]byte(s.must(t, "GET", "/projects/default/health-report", "")), &report))
	require.Equal(t, "Default", report.Name)
	require.Equal(t, []int{50, 50, 3, 1, 1}, []int{report.Health, report.TechnicalDebt, report.ActiveCount, report.PotentiallyStaleCount, report.StaleCount})
	require.Len(t, report.Features, 4)
	require.Len(t, report.Environments, 2)
}

func TestFlagCreatorsAreNamedOnce(t *testing.T) {
	t.Parallel()
	s := newProjectWithHistory(t)
	s.must(t, "POST", "/projects", `{"id":"other","name":"Other"}`)
	s.sql(t, `INSERT INTO features (name, project, created_by, created_by_user_id) VALUES ('theirs', 'other', 'somebody', 7)`)
	require.JSONEq(t, `[{"id":-42,"name":"admin"}]`, s.must(t, "GET", "/projects/default/flag-creators", ""))
	require.JSONEq(t, `[{"id":7,"name":"somebody"}]`, s.must(t, "GET", "/projects/other/flag-creators", ""))
	require.JSONEq(t, `[{"id":-42,"name":"admin"},{"id":7,"name":"somebody"}]`, s.must(t, "GET", "/flag-creators", ""))
}

func TestPersonalDashboardBeginsWithFavourites(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.must(t, "POST", "/projects", `{"id":"zoo","name":"Zoo"}`)
	s.must(t, "POST", "/projects/zoo/features", `{"name":"mine"}`)
	s.sql(t, `INSERT INTO features (name, project, created_by, created_by_user_id) VALUES ('theirs', 'zoo', 'somebody', 7), ('liked', 'zoo', 'somebody', 7)`)
	s.must(t, "POST", "/projects/zoo/features/liked/favorites", "")
	s.must(t, "POST", "/projects/zoo/favorites", "")

	require.JSONEq(t, `{"admins":[],"projectOwners":[],"projects":[
		{"id":"zoo","name":"Zoo","health":100,"technicalDebt":0,"memberCount":0,"featureCount":3},
		{"id":"default","name":"Default","health":100,"technicalDebt":0,"memberCount":0,"featureCount":0}],
		"flags":[{"name":"liked","project":"zoo","type":"release"},{"name":"mine","project":"zoo","type":"release"}]}`,
		s.must(t, "GET", "/personal-dashboard", ""))
	details := s.must(t, "GET", "/personal-dashboard/zoo", "")
	require.Contains(t, details, `"insights":{"avgHealthCurrentWindow":null,"avgHealthPastWindow":null,"totalFlags":3,"activeFlags":3,`)
	require.Contains(t, details, `"summary":"**admin** made the project **zoo** a favourite"`)
	require.Contains(t, s.must(t, "GET", "/projects", ""), `"favorite":true`)
	require.Contains(t, s.must(t, "GET", "/projects/zoo/overview", ""), `"favorite":true`)
}

func TestInsightsOfNoProjectAreNotFound(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	for _, path := range []string{
		"/projects/nope/dora", "/projects/nope/flag-creators", "/projects/nope/health-report", "/projects/nope/insights", "/projects/nope/status",
		"/personal-dashboard/nope",
	} {
		require.Equal(t, 404, s.call("GET", path, "").Code, path)
	}
}
