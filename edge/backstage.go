package edge

import (
	"cmp"
	"encoding/json"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/pennonhq/pennon/api"
	"github.com/pennonhq/pennon/api/system"
	"github.com/pennonhq/pennon/replica"
	"github.com/pennonhq/pennon/token"
)

// Backstage is where Unleash Edge tells operators of itself.
const Backstage = "/internal-backstage"

// registerBackstage serves what Unleash Edge serves there. Flags are shown only to who holds a backend token, and only those
// that it sees.
func (s *surface) registerBackstage(a *api.API) {
	get := func(path string, handle http.HandlerFunc) { a.Router.Get(Backstage+path, handle) }
	get("/health", func(w http.ResponseWriter, _ *http.Request) {
		writeBackstage(w, http.StatusOK, map[string]string{"status": "OK"})
	})
	get("/ready", s.backstageReady)
	get("/info", s.backstageInfo)
	if s.measured != nil {
		get("/metrics", system.ServeMetrics(&s.measured.registry))
	}
	if s.pending != nil && !s.config.Hide.Batch {
		get("/metricsbatch", s.backstageBatch)
	}
	if s.instances != nil && !s.config.Hide.Instances {
		get("/instancedata", s.instances)
	}
	if !s.config.Hide.Tokens {
		get("/tokens", func(w http.ResponseWriter, _ *http.Request) { writeBackstage(w, http.StatusOK, s.tokenReport()) })
	}
	if !s.config.Hide.Features {
		a.Guard(Backstage+"/features", api.RequireToken(s.tokens, token.Client))
		get("/features", s.backstageFeatures)
	}
}

func writeBackstage(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the caller is gone; nothing is left to tell
}

// readySchema is the answer of /internal-backstage/ready.
type readySchema struct {
	Status    string  `json:"status"`
	Error     string  `json:"error,omitempty"`
	Staleness float64 `json:"stalenessSeconds"` // since the flags were confirmed by the upstream

	Problems []tokenProblem `json:"problems,omitempty"` // that leave some environment without flags, and others with theirs
}

func (s *surface) backstageReady(w http.ResponseWriter, _ *http.Request) {
	answer := readySchema{Status: "READY", Staleness: time.Since(s.contact()).Seconds()}
	if s.problems != nil {
		answer.Problems = s.problems()
	}
	if err := s.ready(); err != nil {
		answer.Status, answer.Error = "NOT_READY", err.Error()
		writeBackstage(w, http.StatusServiceUnavailable, answer)
		return
	}
	writeBackstage(w, http.StatusOK, answer)
}

func (s *surface) backstageInfo(w http.ResponseWriter, _ *http.Request) {
	writeBackstage(w, http.StatusOK, map[string]any{
		"app_name": "pennon edge", "package_version": s.config.Version, "go_version": runtime.Version(),
		"target_os": runtime.GOOS, "target_arch": runtime.GOARCH, "started": s.started.UTC(),
	})
}

// backstageFeatures answers a map from environment to flags.
func (s *surface) backstageFeatures(w http.ResponseWriter, r *http.Request) {
	known := api.TokenFrom(r.Context())
	answer := map[string]json.RawMessage{}
	if state := s.store.State(known.Scope.Environment); state != nil {
		query := replica.FeaturesQuery{Query: replica.Query{Scope: known.Scope}}
		answer[known.Scope.Environment] = state.Features(query).Plain()
	}
	writeBackstage(w, http.StatusOK, answer)
}

// tokenReportSchema is the answer of /internal-backstage/tokens. Secrets are redacted.
type tokenReportSchema struct {
	Refreshes []tokenRefreshSchema `json:"tokenRefreshes"`
	Tokens    []tokenStatusSchema  `json:"tokenValidationStatus"`
	Invalid   int                  `json:"invalidTokenCount"`
}

type tokenRefreshSchema struct {
	Token       string     `json:"token"`
	Environment string     `json:"environment"`
	Mode        string     `json:"mode"`
	Connected   bool       `json:"connected"`
	Refused     bool       `json:"refused"`
	LastCheck   *time.Time `json:"last_check"`
	Revision    int64      `json:"revision_id"`
	Failures    int        `json:"failure_count"`
	Error       string     `json:"error,omitempty"`
}

type tokenStatusSchema struct {
	Token       string   `json:"token"`
	Type        string   `json:"type"`
	Environment string   `json:"environment"`
	Projects    []string `json:"projects"`
	Status      string   `json:"status"` // Validated; Trusted by configuration; Earlier: as an earlier run says
}

func (e *Edge) tokenReport() any {
	answer := tokenReportSchema{Refreshes: []tokenRefreshSchema{}}
	for _, status := range e.upstream.Status() {
		row := tokenRefreshSchema{
			Token: status.Token, Environment: status.Environment, Mode: status.Mode.String(), Connected: status.Connected,
			Refused: status.Refused, Revision: status.Revision, Failures: status.Failures,
		}
		if !status.ContactAt.IsZero() {
			row.LastCheck = &status.ContactAt
		}
		if status.Err != nil {
			row.Error = status.Err.Error()
		}
		answer.Refreshes = append(answer.Refreshes, row)
	}
	answer.Tokens = reportOf(e.tokens)
	e.tokens.mu.RLock()
	defer e.tokens.mu.RUnlock()
	answer.Invalid = len(e.tokens.unknown)
	return answer
}

// status is what is known of a token.
func (k *knownToken) status() string {
	switch {
	case k.trusted:
		return "Trusted"
	case k.earlier:
		return "Earlier"
	}
	return "Validated"
}

// reportOf lists the tokens that are known.
func reportOf(tokens *Tokens) []tokenStatusSchema {
	tokens.mu.RLock()
	defer tokens.mu.RUnlock()
	listed := []tokenStatusSchema{}
	for _, known := range tokens.known {
		listed = append(listed, tokenStatusSchema{
			Token: known.Name, Type: string(known.Kind), Environment: known.Scope.Environment, Projects: known.Scope.Projects(),
			Status: known.status(),
		})
	}
	slices.SortFunc(listed, func(a, b tokenStatusSchema) int {
		return cmp.Or(strings.Compare(a.Token, b.Token), strings.Compare(a.Environment, b.Environment))
	})
	return listed
}
