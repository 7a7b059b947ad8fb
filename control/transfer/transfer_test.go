package transfer_test

import (
	"context"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/control/access"
	"github.com/pennonhq/pennon/control/constraint"
	"github.com/pennonhq/pennon/control/feature"
	"github.com/pennonhq/pennon/control/transfer"
	"github.com/pennonhq/pennon/db/dbtest"
	"github.com/pennonhq/pennon/fault"
)

func TestMain(m *testing.M) { os.Exit(dbtest.Run(m)) }

func as(ctx context.Context, grants ...access.Grant) context.Context {
	return access.WithActor(ctx, access.Actor{Name: "someone", Grants: grants})
}

// TestPermissions: the operations are open to every caller, since the project and the environments are in the body.
func TestPermissions(t *testing.T) {
	t.Parallel()
	tx := dbtest.Tx(t)
	request := transfer.Request{Project: "default", Environment: "development", Document: transfer.Document{
		Features: []transfer.Feature{{Name: "permitted"}},
		Strategies: []feature.Strategy{{
			Name: "default", Feature: "permitted", Segments: []int32{1},
		}},
		Segments: []transfer.Segment{{ID: 1, Name: "new", Constraints: []constraint.Constraint{}}},
	}}
	here := func(p access.Permission) access.Grant {
		return access.Grant{Permission: p, Project: "default", Environment: "development"}
	}
	some := as(t.Context(),
		access.Grant{Permission: access.CreateFeature, Project: "default"}, here(access.CreateFeatureStrategy),
		access.Grant{Permission: access.UpdateFeatureEnvironment, Project: "default", Environment: "production"})

	report, err := transfer.Validate(some, tx, request)
	require.NoError(t, err)
	require.Empty(t, report.Errors)
	require.Len(t, report.Permissions, 1)
	require.Equal(t, []string{"CREATE_SEGMENT", "UPDATE_FEATURE_ENVIRONMENT"}, report.Permissions[0].AffectedItems)

	err = transfer.Import(some, tx, request)
	require.True(t, fault.Is(err, fault.Denied), "%v", err)
	require.Equal(t, []string{"CREATE_SEGMENT", "UPDATE_FEATURE_ENVIRONMENT"}, fault.As(err).Permissions)

	all := as(t.Context(),
		access.Grant{Permission: access.CreateFeature, Project: "default"}, here(access.CreateFeatureStrategy),
		here(access.UpdateFeatureEnvironment), access.Grant{Permission: access.CreateSegment})
	require.NoError(t, transfer.Import(all, tx, request))
}
