// Package openapi_test holds the committed OpenAPI document against the routes it describes, and the routes against
// what every operation must have.
package openapi_test

import (
	"context"
	"flag"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"sort"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"
	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/api"
	"github.com/pennonhq/pennon/api/admin"
	"github.com/pennonhq/pennon/control/access"
	"github.com/pennonhq/pennon/fault"
	"github.com/pennonhq/pennon/server"
	"github.com/pennonhq/pennon/token"
)

var update = flag.Bool("update", false, "rewrite the committed files")

// operation is one of the document.
type operation struct {
	method, path string
	*huma.Operation
}

func operations(document *huma.OpenAPI) []operation {
	var list []operation
	for path, item := range document.Paths {
		for method, o := range map[string]*huma.Operation{
			http.MethodGet: item.Get, http.MethodPost: item.Post, http.MethodPut: item.Put,
			http.MethodPatch: item.Patch, http.MethodDelete: item.Delete,
		} {
			if o != nil {
				list = append(list, operation{method, path, o})
			}
		}
	}
	sort.Slice(list, func(i, j int) bool {
		return list[i].path+" "+list[i].method < list[j].path+" "+list[j].method
	})
	return list
}

func isAdmin(o operation) bool { return strings.HasPrefix(o.path, "/api/admin/") }

func TestDocument(t *testing.T) {
	t.Parallel()
	document := server.OpenAPI()
	for name, marshal := range map[string]func() ([]byte, error){"openapi.yaml": document.YAML, "openapi-3.0.yaml": document.DowngradeYAML} {
		text, err := marshal()
		require.NoError(t, err)
		if *update {
			require.NoError(t, os.WriteFile(name, text, 0o644))
		}
		committed, err := os.ReadFile(name)
		require.NoError(t, err)
		if string(committed) != string(text) { // too long to be shown whole
			t.Errorf("%s is not what the routes say; run go test ./openapi -update and review the difference", name)
		}
	}
}

func TestOperations(t *testing.T) {
	t.Parallel()
	document := server.OpenAPI()
	ids := map[string]bool{}
	for _, o := range operations(document) {
		at := o.method + " " + o.path
		require.NotEmpty(t, o.OperationID, at)
		require.False(t, ids[o.OperationID], "%s: operation id %s is taken", at, o.OperationID)
		ids[o.OperationID] = true
		require.NotEmpty(t, o.Tags, at)
		require.NotEmpty(t, o.Summary, at)
		if isAdmin(o) {
			require.Contains(t, o.Metadata, "permission", at)
			require.Contains(t, o.Extensions, "x-permission", at)
			for _, status := range []string{"401", "403", "500", "503"} {
				require.Contains(t, o.Responses, status, at)
			}
		}
	}
}

// TestCoverage holds the operations against Unleash's: those served have its ids, and those missing are listed in
// missing-operations.txt, which may only shrink.
func TestCoverage(t *testing.T) {
	t.Parallel()
	served := map[string]string{}
	for _, o := range operations(server.OpenAPI()) {
		served[o.method+" "+o.path] = o.OperationID
	}
	missing := []string{}
	for _, line := range lines(t, "unleash-operations.txt") {
		fields := strings.Fields(line)
		at := fields[0] + " " + fields[1]
		if id, ok := served[at]; ok {
			require.Equal(t, fields[2], id, at)
		} else {
			missing = append(missing, at)
		}
	}
	if *update {
		text := "# Operations of Unleash that are not in the document. This list may only shrink.\n" + strings.Join(missing, "\n") + "\n"
		require.NoError(t, os.WriteFile("missing-operations.txt", []byte(text), 0o644))
	}
	allowed := lines(t, "missing-operations.txt")
	for _, at := range missing {
		require.True(t, slices.Contains(allowed, at), "%s is gone", at)
	}
	for _, at := range allowed {
		require.True(t, slices.Contains(missing, at), "%s is served now; run go test ./openapi -update", at)
	}
	t.Logf("%d operations of Unleash are missing", len(missing))
}

func lines(t *testing.T, name string) []string {
	t.Helper()
	text, err := os.ReadFile(name)
	require.NoError(t, err)
	return slices.DeleteFunc(strings.Split(strings.TrimSpace(string(text)), "\n"), func(line string) bool { return strings.HasPrefix(line, "#") })
}

// clientOnly knows one client token.
type clientOnly struct{}

func (clientOnly) Token(_ context.Context, secret string) (*token.Token, error) {
	if secret == "default:development.client" {
		return &token.Token{ID: "1", Name: "client", Kind: token.Client}, nil
	}
	return nil, fault.New(fault.Unauthenticated, "unknown")
}

var parameter = regexp.MustCompile(`\{[^}]+\}`)

func call(h http.Handler, o operation, secret string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(o.method, parameter.ReplaceAllString(o.path, "1"), strings.NewReader("{}"))
	r.Header.Set("Content-Type", "application/json")
	if secret != "" {
		r.Header.Set("Authorization", secret)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestCredentials(t *testing.T) {
	t.Parallel()
	guarded := api.New(api.Config{}, slog.New(slog.DiscardHandler))
	admin.Guard(guarded, clientOnly{})
	admin.Register(guarded, nil, admin.Config{})

	// As if somebody had logged in who may do nothing.
	powerless := api.New(api.Config{}, slog.New(slog.DiscardHandler))
	powerless.Guard("/api/admin", func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			next.ServeHTTP(w, r.WithContext(access.WithActor(r.Context(), access.Actor{Name: "nobody"})))
		})
	})
	admin.Register(powerless, nil, admin.Config{})

	// And as if the guard had been forgotten.
	open := api.New(api.Config{}, slog.New(slog.DiscardHandler))
	admin.Register(open, nil, admin.Config{})

	asked := 0
	for _, o := range operations(guarded.Huma.OpenAPI()) {
		if !isAdmin(o) {
			continue
		}
		at := o.method + " " + o.path
		require.Equal(t, http.StatusUnauthorized, call(guarded, o, "").Code, at)
		require.Equal(t, http.StatusUnauthorized, call(guarded, o, "*:*.unknown").Code, at)
		w := call(guarded, o, "default:development.client")
		require.Equal(t, http.StatusForbidden, w.Code, at)
		require.Contains(t, w.Body.String(), "expected an admin token, got a backend token", at)
		require.Equal(t, http.StatusUnauthorized, call(open, o, "").Code, at)
		if names := o.Metadata["permission"].(access.Permission).Names(); len(names) > 0 {
			w := call(powerless, o, "")
			require.Equal(t, http.StatusForbidden, w.Code, at)
			require.Contains(t, w.Body.String(), `"PermissionError"`, at)
			require.Contains(t, w.Body.String(), `"`+names[0]+`"`, at)
		}
		asked++
	}
	require.Positive(t, asked)
	t.Logf("%d operations of the Admin API asked", asked)
}
