package admin

import (
	"log/slog"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/api"
)

func TestEntityTags(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]string{
		``:                     nil,
		`"a"`:                  {`"a"`},
		` "a" ,, W/"b", "c,d"`: {`"a"`, `W/"b"`, `"c,d"`},
		`*`:                    {"*"},
		`a, "b"`:               {`"b"`},
		`w/"a", "b"`:           {`"b"`},
		`"a`:                   nil,
		`"a""b"`:               {`"a"`, `"b"`},
		`""`:                   {`""`},
	} {
		require.Equal(t, want, slices.Collect(entityTags([]string{text})), text)
	}
}

func TestVersionsAreOfOperations(t *testing.T) {
	t.Parallel()
	target := api.New(api.Config{}, slog.New(slog.DiscardHandler))
	Register(target, nil, Config{})
	documented := map[string]bool{}
	for _, item := range target.Huma.OpenAPI().Paths {
		for _, o := range []string{get, post, put, patch, remove} {
			if known := operationOf(item, o); known != nil {
				documented[known.OperationID] = true
			}
		}
	}
	for id := range versions {
		require.True(t, documented[id], "%s is no operation", id)
	}
}
