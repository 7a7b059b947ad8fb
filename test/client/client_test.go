//go:build unix

package client_test

import (
	"encoding/json"
	"net/http"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/client"
)

var nulls = regexp.MustCompile(`"\w+":null,?|,"\w+":null`)

// TestTheGoClient takes a flag from a new project to an answer, out as a document, back in, and away.
func TestTheGoClient(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	c, err := client.New(start(t), adminToken)
	require.NoError(t, err)

	environment, err := c.CreateEnvironmentWithResponse(ctx, client.CreateEnvironmentSchema{Name: "staging", Type: "test"})
	require.NoError(t, err)
	require.Equal(t, "staging", environment.JSON201.Name)
	id := "shop"
	_, err = c.CreateProjectWithResponse(ctx, client.CreateProjectSchema{ID: &id, Name: "Shop", Environments: &[]string{"staging"}})
	require.NoError(t, err)
	flag, err := c.CreateFeatureWithResponse(ctx, id, client.CreateFeatureSchema{Name: "checkout"})
	require.NoError(t, err)
	require.Equal(t, "release", flag.JSON201.Type)
	strategy, err := c.AddFeatureStrategyWithResponse(ctx, id, "checkout", "staging", client.CreateFeatureStrategySchema{
		Name:        "flexibleRollout",
		Parameters:  &map[string]string{"rollout": "100", "stickiness": "userId", "groupId": "checkout"},
		Constraints: &[]client.ConstraintSchema{{ContextName: "userId", Operator: "IN", Values: &[]string{"7"}}},
	})
	require.NoError(t, err)
	require.NotEmpty(t, strategy.JSON200.ID)
	_, err = c.ToggleFeatureEnvironmentOnWithResponse(ctx, id, "checkout", "staging", nil)
	require.NoError(t, err)

	isOn := func(user string) bool {
		answer, err := c.GetPlaygroundWithResponse(ctx, client.PlaygroundRequestSchema{
			Environment: "staging", Projects: &[]string{id}, Context: client.SdkContextSchema{AppName: "go", UserID: &user},
		})
		require.NoError(t, err)
		return len(answer.JSON200.Features) == 1 && answer.JSON200.Features[0].IsEnabled
	}
	require.True(t, isOn("7"))
	require.False(t, isOn("8"))

	document, err := c.ExportFeaturesWithResponse(ctx, nil, client.ExportQuerySchema{Project: &id})
	require.NoError(t, err)
	remove := func() {
		_, err := c.ArchiveFeatureWithResponse(ctx, id, "checkout")
		require.NoError(t, err)
		_, err = c.DeleteFeatureWithResponse(ctx, "checkout")
		require.NoError(t, err)
	}
	remove()
	require.False(t, isOn("7"))
	verdict, err := c.ValidateImportWithResponse(ctx, client.ImportTogglesSchema{Data: *document.JSON200})
	require.NoError(t, err)
	require.Empty(t, verdict.JSON200.Errors)
	_, err = c.ImportTogglesWithResponse(ctx, nil, client.ImportTogglesSchema{Data: *document.JSON200})
	require.NoError(t, err)
	require.True(t, isOn("7"))

	again, err := c.ExportFeaturesWithResponse(ctx, nil, client.ExportQuerySchema{Project: &id})
	require.NoError(t, err)
	decoded, err := json.Marshal(again.JSON200)
	require.NoError(t, err)
	written := nulls.ReplaceAllString(string(again.Body), "") // to leave a property out says the same as null
	require.JSONEq(t, written, string(decoded), "the client's types lose nothing of a document")
	remove()
	_, err = c.DeleteProjectWithResponse(ctx, id)
	require.NoError(t, err)
}

func TestTheGoClientReturnsRefusalsAsErrors(t *testing.T) {
	t.Parallel()
	url := start(t)
	c, err := client.New(url, adminToken)
	require.NoError(t, err)
	backend, err := client.New(url, clientToken)
	require.NoError(t, err)
	stranger, err := client.New(url, "*:*.unknown")
	require.NoError(t, err)
	create := func(c *client.ClientWithResponses, name string) error {
		answer, err := c.CreateFeatureWithResponse(t.Context(), "default", client.CreateFeatureSchema{Name: name})
		require.Equal(t, err == nil, answer != nil)
		return err
	}
	require.NoError(t, create(c, "hello"))

	for name, test := range map[string]struct {
		err    error
		status int
		name   string
	}{
		"Conflict":      {create(c, "hello"), http.StatusConflict, "NameExistsError"},
		"Invalid":       {create(c, "not a name"), http.StatusBadRequest, "BadDataError"},
		"WrongToken":    {create(backend, "other"), http.StatusForbidden, ""},
		"UnknownToken":  {create(stranger, "other"), http.StatusUnauthorized, "UnauthorizedError"},
		"UnknownThings": {func() error { _, err := c.GetFeatureWithResponse(t.Context(), "default", "gone"); return err }(), http.StatusNotFound, "NotFoundError"},
	} {
		var refused *client.Error
		require.ErrorAs(t, test.err, &refused, name)
		require.Equal(t, test.status, refused.Status, name)
		require.NotEmpty(t, refused.Message, name)
		if test.name != "" {
			require.NotNil(t, refused.Name, name)
			require.Equal(t, test.name, *refused.Name, name)
		}
	}
	var invalid *client.Error
	require.ErrorAs(t, create(c, "not a name"), &invalid)
	require.Contains(t, invalid.Remarks()[0], "URL friendly")
}
