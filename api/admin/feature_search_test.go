package admin_test

import (
	"encoding/json"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"
)

// found returns the names that a search gives, in order.
func found(t *testing.T, s *server, query string) []string {
	t.Helper()
	names, _ := foundOf(t, s, query)
	return names
}

func foundOf(t *testing.T, s *server, query string) (names []string, total int) {
	t.Helper()
	values, err := url.ParseQuery(query)
	require.NoError(t, err)
	var answer struct {
		Features []struct{ Name string }
		Total    int
	}
	require.NoError(t, json.Unmarshal([]byte(s.must(t, "GET", "/search/features?"+values.Encode(), "")), &answer))
	names = []string{}
	for _, f := range answer.Features {
		names = append(names, f.Name)
	}
	return names, answer.Total
}

// searchable fills a server with flags that differ in everything one can search for.
func searchable(t *testing.T) *server {
	t.Helper()
	s := newServer(t)
	s.must(t, "POST", "/projects", `{"id":"shop","name":"Shop"}`)
	s.must(t, "POST", "/segments", `{"name":"beta","constraints":[]}`)
	s.must(t, "POST", "/segments", `{"name":"staff","constraints":[]}`)
	const features = "/projects/default/features"
	s.must(t, "POST", features, `{"name":"alpha","description":"100% sure_thing","tags":[{"type":"simple","value":"t1"},{"type":"simple","value":"t2"}]}`)
	s.must(t, "POST", features, `{"name":"Bravo","type":"experiment","tags":[{"type":"simple","value":"t1"}]}`)
	s.must(t, "POST", features, `{"name":"charlie","type":"kill-switch"}`)
	s.must(t, "POST", features, `{"name":"gone"}`)
	s.must(t, "POST", "/projects/shop/features", `{"name":"delta"}`)
	s.must(t, "POST", features+"/alpha/environments/production/strategies", `{"name":"default","segments":[1,2]}`)
	s.must(t, "POST", features+"/Bravo/environments/production/strategies", `{"name":"default","segments":[1]}`)
	s.must(t, "POST", features+"/alpha/environments/development/on", "")
	s.must(t, "POST", features+"/Bravo/environments/production/on", "")
	s.must(t, "POST", features+"/charlie/dependencies", `{"feature":"alpha"}`)
	s.must(t, "POST", features+"/charlie/lifecycle/complete", `{"status":"kept"}`)
	s.must(t, "POST", "/projects/default/stale", `{"features":["Bravo"],"stale":true}`)
	s.must(t, "DELETE", features+"/gone", "")
	s.sql(t, `UPDATE features SET created_at = '2024-05-01T12:00:00Z', potentially_stale = true, created_by_user_id = 7 WHERE name = 'alpha'`)
	s.sql(t, `INSERT INTO feature_last_seen (feature, environment, last_seen_at) VALUES
		('alpha', 'development', '2025-01-01'), ('Bravo', 'development', '2024-01-01'), ('Bravo', 'production', '2026-01-01')`)
	s.sql(t, `INSERT INTO feature_lifecycles (feature, pre_live_at, live_at) VALUES ('alpha', '2025-01-01', NULL), ('Bravo', '2024-01-01', '2026-01-01')`)
	s.sql(t, `INSERT INTO client_metrics (feature, app_name, environment, hour, yes, no) VALUES
		('alpha', 'one', 'development', date_trunc('hour', now()), 16, 8), ('alpha', 'two', 'development', date_trunc('hour', now()), 1, 1),
		('alpha', 'one', 'development', now() - interval '3 hours', 100, 100)`)
	return s
}

func TestSearchFilters(t *testing.T) {
	t.Parallel()
	s := searchable(t)
	for query, want := range map[string][]string{
		"":                                   {"alpha", "Bravo", "charlie", "delta"},
		"query=ALPH":                         {"alpha"},
		"query=0%25 sure_":                   {"alpha"},
		"query=%25":                          {"alpha"},
		"query=simple:t1":                    {"alpha", "Bravo"},
		`query=\`:                            {},
		"project=IS:shop":                    {"delta"},
		"project=IS_NOT:shop":                {"alpha", "Bravo", "charlie"},
		"project=IS_ANY_OF:shop,default":     {"alpha", "Bravo", "charlie", "delta"},
		"project=IS_NONE_OF:shop, default":   {},
		"type=IS:experiment":                 {"Bravo"},
		"type=IS_NONE_OF:experiment,release": {"charlie"},
		"state=IS:active":                    {"charlie", "delta"},
		"state=IS_ANY_OF:stale,potentially-stale":              {"alpha", "Bravo"},
		"state=IS_NOT:active":                                  {"alpha", "Bravo"},
		"lifecycle=IS:initial":                                 {"delta"},
		"lifecycle=IS_ANY_OF:pre-live,live":                    {"alpha", "Bravo"},
		"lifecycle=IS:completed":                               {"charlie"},
		"lifecycle=IS:archived":                                {"gone"},
		"lifecycle=IS_NONE_OF:initial,live":                    {"alpha", "charlie"},
		"archived=IS:true":                                     {"gone"},
		"createdBy=IS:7":                                       {"alpha"},
		"createdBy=IS_NOT:7":                                   {"Bravo", "charlie", "delta"},
		"tag=INCLUDE:simple:t1":                                {"alpha", "Bravo"},
		"tag=INCLUDE_ALL_OF:simple:t1, simple:t2":              {"alpha"},
		"tag=INCLUDE_ANY_OF:simple:t2,simple:t9":               {"alpha"},
		"tag=DO_NOT_INCLUDE:simple:t1":                         {"charlie", "delta"},
		"tag=EXCLUDE_IF_ANY_OF:simple:t2,simple:x":             {"Bravo", "charlie", "delta"},
		"tag=EXCLUDE_ALL:simple:t1,simple:t2":                  {"Bravo", "charlie", "delta"},
		"segment=INCLUDE:beta":                                 {"alpha", "Bravo"},
		"segment=INCLUDE_ALL_OF:beta,staff":                    {"alpha"},
		"segment=EXCLUDE_ALL:beta,staff":                       {"Bravo", "charlie", "delta"},
		"segment=DO_NOT_INCLUDE:beta":                          {"charlie", "delta"},
		"status=development:enabled":                           {"alpha"},
		"status[]=production:enabled":                          {"Bravo"},
		"status=development:enabled&status=production:enabled": {"alpha", "Bravo"},
		"status=production:disabled":                           {"alpha", "charlie", "delta"},
		"status=nope:disabled":                                 {},
		"createdAt=IS_BEFORE:2024-05-02":                       {"alpha"},
		"createdAt=IS_BEFORE:2024-05-01":                       {},
		"createdAt=IS_ON_OR_AFTER:2024-05-02":                  {"Bravo", "charlie", "delta"},
		"lastSeenAt=IS_BEFORE:2025-06-01":                      {"alpha"},
		"lastSeenAt=IS_ON_OR_AFTER:2025-06-01":                 {"Bravo"},
		"favorite=IS:false":                                    {"alpha", "Bravo", "charlie", "delta"},
		"project=IS:default&tag=INCLUDE:simple:t1&type=IS:release&status=development:enabled": {"alpha"},
	} {
		names, total := foundOf(t, s, query+"&sortBy=name")
		require.Equal(t, want, names, query)
		require.Equal(t, len(want), total, query)
	}
}

func TestSearchOrderAndPages(t *testing.T) {
	t.Parallel()
	s := searchable(t)
	for query, want := range map[string][]string{
		"sortBy=name&sortOrder=desc":                      {"delta", "charlie", "Bravo", "alpha"},
		"sortBy=type":                                     {"Bravo", "charlie", "alpha", "delta"},
		"sortBy=type&sortOrder=desc":                      {"alpha", "delta", "charlie", "Bravo"},
		"sortBy=project&sortOrder=desc":                   {"delta", "alpha", "Bravo", "charlie"},
		"sortBy=createdAt":                                {"alpha", "Bravo", "charlie", "delta"},
		"sortBy=createdAt&sortOrder=desc":                 {"delta", "charlie", "Bravo", "alpha"},
		"sortBy=lastSeenAt&sortOrder=desc":                {"Bravo", "alpha", "charlie", "delta"},
		"sortBy=lifecycle":                                {"delta", "alpha", "Bravo", "charlie"},
		"sortBy=stale&sortOrder=desc":                     {"Bravo", "alpha", "charlie", "delta"},
		"sortBy=environment:production&sortOrder=desc":    {"Bravo", "alpha", "charlie", "delta"},
		"sortBy=environment:development&sortOrder=asc":    {"Bravo", "charlie", "delta", "alpha"},
		"sortBy=name&limit=2":                             {"alpha", "Bravo"},
		"sortBy=name&limit=2&offset=2":                    {"charlie", "delta"},
		"sortBy=name&limit=2&offset=100":                  {},
		"sortBy=name&limit=0":                             {},
		"sortBy=name&limit=2147483647&offset=1":           {"Bravo", "charlie", "delta"},
		"sortBy=name&sortOrder=desc&favoritesFirst=false": {"delta", "charlie", "Bravo", "alpha"},
	} {
		names, total := foundOf(t, s, query)
		require.Equal(t, want, names, query)
		require.Equal(t, 4, total, query)
	}
}

func TestSearchRefusesWhatItCannotRead(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	for _, query := range []string{
		"project=default", "state=IS:sleeping", "lifecycle=IS:dead", "createdBy=IS:me", "createdBy=IS:99999999999", "tag=INCLUDE:simple",
		"tag=HAS:simple:x", "segment=beta", "status=development", "status=development:perhaps", "createdAt=IS_BEFORE:2024-13-01",
		"createdAt=IS_BEFORE:yesterday", "lastSeenAt=IS:2024-01-01", "limit=-1", "limit=many", "offset=99999999999", "sortBy=colour",
		"sortBy=environment", "sortOrder=up", "archived=IS:maybe", "favorite=yes",
	} {
		w := s.call("GET", "/search/features?"+query, "")
		require.Equal(t, 400, w.Code, "%s: %s", query, w.Body)
	}
	require.Equal(t, 400, s.call("GET", "/search/features?query=%00", "").Code)
	require.Empty(t, s.log.String())
}

func TestSearchShowsFlagsAsListsNeedThem(t *testing.T) {
	t.Parallel()
	s := searchable(t)
	body := s.must(t, "GET", "/search/features?query=alpha", "")
	require.JSONEq(t, `{"total":1,"features":[{
		"type":"release","description":"100% sure_thing","project":"default","favorite":false,"name":"alpha","createdAt":"T","stale":false,
		"archivedAt":null,"impressionData":false,"dependencyType":"parent","segments":["beta","staff"],
		"tags":[{"type":"simple","value":"t1"},{"type":"simple","value":"t2"}],
		"environments":[
			{"name":"development","enabled":true,"type":"development","sortOrder":100,"variantCount":0,"lastSeenAt":"2025-01-01T00:00:00.000Z",
				"hasStrategies":true,"hasEnabledStrategies":true,"yes":17,"no":9,"changeRequestIds":[]},
			{"name":"production","enabled":false,"type":"production","sortOrder":200,"variantCount":0,"lastSeenAt":null,
				"hasStrategies":true,"hasEnabledStrategies":true,"yes":0,"no":0,"changeRequestIds":[]}],
		"createdBy":{"id":7,"name":"admin","imageUrl":"https://gravatar.com/avatar/8c6976e5b5410415bde908bd4dee15dfb167a9c873fc4bb8a81f6f2ab448a918?s=42&d=retro&r=g"},
		"lifecycle":{"stage":"pre-live","enteredStageAt":"T"}}]}`, mask(t, body))
	require.Contains(t, s.must(t, "GET", "/search/features?query=charlie", ""), `"dependencyType":"child"`)
}
