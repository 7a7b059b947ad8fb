package feature_test

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/control/access"
	"github.com/pennonhq/pennon/control/feature"
	"github.com/pennonhq/pennon/db/dbtest"
	"github.com/pennonhq/pennon/fault"
)

// as gives an actor with grants.
func as(ctx context.Context, grants ...access.Grant) context.Context {
	return access.WithActor(ctx, access.Actor{Name: "someone", Grants: grants})
}

func admin(ctx context.Context) context.Context {
	return as(ctx, access.Grant{Permission: access.Admin})
}

// create makes a flag in the project default.
func create(t *testing.T, tx pgx.Tx, name string) {
	t.Helper()
	_, err := feature.Create(admin(t.Context()), tx, feature.New{Project: "default", Name: name})
	require.NoError(t, err)
}

func exec(t *testing.T, tx pgx.Tx, statement string, arguments ...any) {
	t.Helper()
	_, err := tx.Exec(t.Context(), statement, arguments...)
	require.NoError(t, err)
}

// Paths and bodies that name a second project, an environment or none at all are not covered by the permission that an
// operation is registered with.
func TestPermissionsThatDependOnTheRequest(t *testing.T) {
	t.Parallel()
	setup := func(t *testing.T) pgx.Tx {
		t.Helper()
		tx := dbtest.Tx(t)
		exec(t, tx, `INSERT INTO projects (id, name) VALUES ('elsewhere', 'Elsewhere')`)
		create(t, tx, "permission1")
		return tx
	}
	denied := func(t *testing.T, err error, permission access.Permission) {
		t.Helper()
		require.True(t, fault.Is(err, fault.Denied), "%v", err)
		require.Equal(t, []string{string(permission)}, fault.As(err).Permissions)
	}

	t.Run("MovingNeedsThePermissionInBothProjects", func(t *testing.T) {
		t.Parallel()
		tx := setup(t)
		here := access.Grant{Permission: access.MoveFeature, Project: "default"}
		denied(t, feature.Move(as(t.Context(), here), tx, "default", "permission1", "elsewhere"), access.MoveFeature)
		there := access.Grant{Permission: access.MoveFeature, Project: "elsewhere"}
		require.NoError(t, feature.Move(as(t.Context(), here, there), tx, "default", "permission1", "elsewhere"))
	})

	t.Run("PushingVariantsNeedsThePermissionInEachEnvironment", func(t *testing.T) {
		t.Parallel()
		tx := setup(t)
		ctx := as(t.Context(), access.Grant{Permission: access.UpdateFeatureEnvironmentVariants, Project: "default", Environment: "development"})
		variants := []feature.Variant{{Name: "a", Weight: 1}}
		_, err := feature.SetVariantsIn(ctx, tx, "default", "permission1", []string{"development", "production"}, variants)
		denied(t, err, access.UpdateFeatureEnvironmentVariants)
		_, err = feature.SetVariantsIn(ctx, tx, "default", "permission1", []string{"development"}, variants)
		require.NoError(t, err)
	})

	t.Run("DeletingAndRevivingByNameNeedThePermissionInTheFlagsProject", func(t *testing.T) {
		t.Parallel()
		tx := setup(t)
		require.NoError(t, feature.Archive(admin(t.Context()), tx, "default", []string{"permission1"}))
		abroad := as(t.Context(), access.Grant{Permission: access.DeleteFeature, Project: "elsewhere"}, access.Grant{Permission: access.UpdateFeature, Project: "elsewhere"})
		denied(t, feature.DeleteByName(abroad, tx, "permission1"), access.DeleteFeature)
		denied(t, feature.ReviveByName(abroad, tx, "permission1"), access.UpdateFeature)
		require.NoError(t, feature.DeleteByName(as(t.Context(), access.Grant{Permission: access.DeleteFeature, Project: "default"}), tx, "permission1"))
	})
}
