package event_test

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/control/event"
	"github.com/pennonhq/pennon/queries"
)

// constants are the types that types.go names.
func constants(t *testing.T) []event.Type {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "types.go", nil, 0)
	require.NoError(t, err)
	var found []event.Type
	ast.Inspect(file, func(n ast.Node) bool {
		if literal, ok := n.(*ast.BasicLit); ok && literal.Kind == token.STRING {
			text, err := strconv.Unquote(literal.Value)
			require.NoError(t, err)
			found = append(found, event.Type(text))
		}
		return true
	})
	return found
}

func TestEveryTypeCanBeAskedForAndIsOffered(t *testing.T) {
	t.Parallel()
	all := constants(t)
	require.NotEmpty(t, all)
	for _, kind := range all {
		require.True(t, event.Known(kind), kind)
	}
	require.ElementsMatch(t, all, event.Written())
	require.True(t, event.Known("change-request-created"), "what Unleash writes is known, too")
	require.False(t, event.Known("feature-painted"))
}

func TestEventsAreToldInWords(t *testing.T) {
	t.Parallel()
	flag, project, environment := "beta", "shop", "production"
	for _, c := range []struct {
		row            queries.Event
		label, summary string
	}{
		{
			queries.Event{Type: "feature-environment-enabled", CreatedBy: "ann", Feature: &flag, Project: &project, Environment: &environment},
			"Flag switched on", "**ann** switched the flag **beta** on in environment **production** of project **shop**",
		},
		{
			queries.Event{Type: "context-field-created", CreatedBy: "ann", Data: json.RawMessage(`{"name":"country"}`)},
			"Context field created", "**ann** created the context field **country**",
		},
		{
			queries.Event{Type: "segment-deleted", CreatedBy: "ann", PreData: json.RawMessage(`{"id":7,"name":"testers"}`)},
			"Segment deleted", "**ann** deleted the segment **testers**",
		},
		{
			queries.Event{Type: "addon-config-created", CreatedBy: "ann", Data: json.RawMessage(`{"provider":"webhook"}`)},
			"Integration created", "**ann** created the **webhook** integration",
		},
		{
			queries.Event{Type: "setting-updated", CreatedBy: "ann", Data: json.RawMessage(`[1]`)},
			"Setting updated", "**ann** updated the setting",
		},
	} {
		require.Equal(t, c.label, event.Label(event.Type(c.row.Type)))
		require.Equal(t, c.summary, event.Summary(c.row))
	}
}

func TestEveryTypeHasWords(t *testing.T) {
	t.Parallel()
	for _, kind := range event.Written() {
		require.NotEmpty(t, event.Label(kind))
		require.NotContains(t, event.Summary(queries.Event{Type: string(kind), CreatedBy: "ann"}), "{", kind)
	}
}
