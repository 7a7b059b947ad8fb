package eval_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/eval"
)

func TestContextJSON(t *testing.T) {
	t.Parallel()
	var ctx eval.Context
	require.NoError(t, json.Unmarshal([]byte(`{
		"userId": 42, "sessionId": "s", "remoteAddress": "::1", "environment": "production", "appName": null,
		"currentTime": "2026-03-01T12:00:00.000Z", "tier": "gold", "list": [1], "hidden": "top",
		"properties": {"int": 7, "float": 1.50, "big": 1e21, "small": 1.5e-7, "zero": -0.0, "bool": true,
			"none": null, "object": {}, "text": "x", "hidden": "below"}
	}`), &ctx))
	require.Equal(t, "42", ctx.UserID)
	require.Equal(t, "s", ctx.SessionID)
	require.Equal(t, "::1", ctx.RemoteAddress)
	require.Equal(t, "production", ctx.Environment)
	require.Empty(t, ctx.AppName)
	require.True(t, ctx.CurrentTime.Equal(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)))
	require.Equal(t, map[string]string{
		"int": "7", "float": "1.5", "big": "1e+21", "small": "1.5e-7", "zero": "0", "bool": "true", "text": "x",
		"tier": "gold", "hidden": "top",
	}, ctx.Properties)
}

func TestContextJSONKeepsWhatIsNotOnTheWire(t *testing.T) {
	t.Parallel()
	ctx := eval.Context{UserID: "old", Hostname: "web-1", Random: func(string, uint32) uint32 { return 0 }}
	require.NoError(t, json.Unmarshal([]byte(`{}`), &ctx))
	require.Empty(t, ctx.UserID)
	require.Equal(t, "web-1", ctx.Hostname)
	require.NotNil(t, ctx.Random)
}

func TestContextJSONRefusesOtherShapes(t *testing.T) {
	t.Parallel()
	for _, data := range []string{`[]`, `"x"`, `{"properties": []}`, `{"properties": "x"}`, `{`} {
		var ctx eval.Context
		require.Error(t, json.Unmarshal([]byte(data), &ctx), data)
	}
}

func TestEmptyCurrentTimeMeansNow(t *testing.T) {
	t.Parallel()
	var ctx eval.Context
	ctx.SetCurrentTime("never")
	snapshot := only(eval.Constraint{Operator: "DATE_AFTER", Value: text("2020-01-01")})
	require.False(t, snapshot.Enabled("feature", &ctx))
	ctx.SetCurrentTime("")
	require.True(t, snapshot.Enabled("feature", &ctx))
}
