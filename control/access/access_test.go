package access_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/control/access"
	"github.com/pennonhq/pennon/fault"
)

func TestActorMay(t *testing.T) {
	t.Parallel()
	admin := access.Actor{Name: "admin", Grants: []access.Grant{{Permission: access.Admin}}}
	owner := access.Actor{Name: "owner", Grants: []access.Grant{{Permission: access.UpdateFeature, Project: "shop"}}}
	tester := access.Actor{Name: "tester", Grants: []access.Grant{
		{Permission: access.UpdateFeatureEnvironment, Project: "shop", Environment: "development"},
	}}
	for _, test := range []struct {
		says                 string
		actor                access.Actor
		permission           access.Permission
		project, environment string
		want                 bool
	}{
		{"an admin may do everything", admin, access.DeleteProject, "shop", "", true},
		{"an owner may change flags of the project", owner, access.UpdateFeature, "shop", "", true},
		{"in every environment", owner, access.UpdateFeature, "shop", "production", true},
		{"not of another project", owner, access.UpdateFeature, "other", "", false},
		{"not without a project", owner, access.UpdateFeature, "", "", false},
		{"nor do something else there", owner, access.DeleteFeature, "shop", "", false},
		{"one of several permissions suffices", owner, access.OneOf(access.DeleteFeature, access.UpdateFeature), "shop", "", true},
		{"a grant for an environment holds there", tester, access.UpdateFeatureEnvironment, "shop", "development", true},
		{"and not elsewhere", tester, access.UpdateFeatureEnvironment, "shop", "production", false},
		{"nor for the whole project", tester, access.UpdateFeatureEnvironment, "shop", "", false},
		{"anyone may do what needs no permission", owner, access.Anyone, "", "", true},
		{"but nobody may not", access.Actor{}, access.Anyone, "", "", false},
		{"not even with grants", access.Actor{Grants: admin.Grants}, access.DeleteProject, "", "", false},
	} {
		require.Equal(t, test.want, test.actor.May(test.permission, test.project, test.environment), test.says)
	}
}

func TestRequire(t *testing.T) {
	t.Parallel()
	t.Run("AsksForALoginFirst", func(t *testing.T) {
		t.Parallel()
		require.True(t, fault.Is(access.Require(t.Context(), access.Anyone, "", ""), fault.Unauthenticated))
	})
	t.Run("NamesWhatIsMissing", func(t *testing.T) {
		t.Parallel()
		ctx := access.WithActor(t.Context(), access.Actor{Name: "nobody"})
		err := access.Require(ctx, access.OneOf(access.CreateSegment, access.UpdateProjectSegment), "shop", "")
		require.True(t, fault.Is(err, fault.Denied))
		require.Equal(t, []string{"CREATE_SEGMENT", "UPDATE_PROJECT_SEGMENT"}, fault.As(err).Permissions)
	})
	t.Run("LetsTheSystemDoEverything", func(t *testing.T) {
		t.Parallel()
		require.NoError(t, access.Require(access.WithActor(t.Context(), access.System()), access.Admin, "", ""))
	})
}
