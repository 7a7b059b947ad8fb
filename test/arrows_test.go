// Package test holds black-box tests of the whole, and the test that the arrows between packages point downward.
package test

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const module = "github.com/pennonhq/pennon/"

// TestDataPlaneImportsNoSQL checks the import graph itself, indirect imports included: what the edge is made of must
// build without PostgreSQL and without the control plane.
func TestDataPlaneImportsNoSQL(t *testing.T) {
	t.Parallel()
	forbidden := []string{
		"github.com/jackc/pgx", "github.com/golang-migrate",
		module + "db", module + "queries", module + "control", module + "server", module + "api/admin",
	}
	for _, room := range []string{"eval", "openfeature", "ticket", "token", "fault", "usage", "metrics", "sse", "replica", "evaluation", "fleet", "api", "api/client", "api/frontend", "api/link", "api/proxy", "api/ofrep", "api/stream", "api/push", "api/system", "edge", "edge/storage", "expression"} {
		t.Run(room, func(t *testing.T) {
			t.Parallel()
			out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", module+room).Output()
			require.NoError(t, err)
			for dependency := range strings.FieldsSeq(string(out)) {
				require.NotEqual(t, "database/sql", dependency)
				for _, prefix := range forbidden {
					require.False(t, strings.HasPrefix(dependency, prefix), "%s imports %s", room, dependency)
				}
			}
		})
	}
}

// TestPureRoomsImportOnlyTheStandardLibrary keeps eval, token, fault, usage and metrics usable anywhere.
func TestPureRoomsImportOnlyTheStandardLibrary(t *testing.T) {
	t.Parallel()
	for _, room := range []string{"eval", "token", "fault", "usage", "metrics"} {
		out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", module+room).Output()
		require.NoError(t, err)
		for dependency := range strings.FieldsSeq(string(out)) {
			first, _, _ := strings.Cut(dependency, "/")
			outside := strings.Contains(first, ".") && dependency != module+room
			require.False(t, outside, "%s imports %s", room, dependency)
		}
	}
}
