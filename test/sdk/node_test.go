//go:build unix

package sdk

import (
	"context"
	"encoding/json"
	"io"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/db/dbtest"
)

// specificationCases is how many cases the client specification has.
const specificationCases = 279

func TestMain(m *testing.M) { os.Exit(dbtest.Run(m)) }

// The harness must be right before it may judge a server: with no server in between the SDK passes
// every case, and the lists of what Admin APIs cannot express follow from the specification.
func TestNodeSDKPassesTheWholeSpecificationWithoutAServer(t *testing.T) {
	t.Parallel()
	report := RunNode(t, "offline.mjs", nil, nil)

	var result struct{ Cases, Passed int }
	report.Decode(t, &result)
	require.Equal(t, specificationCases, result.Cases)
	require.Equal(t, result.Cases, result.Passed)
}

func TestRun(t *testing.T) {
	t.Parallel()

	t.Run("FollowsTheConversation", func(t *testing.T) {
		t.Parallel()
		answers := Answers{"restart": func(question json.RawMessage) (any, error) {
			require.JSONEq(t, `{"ask": "restart", "port": 4242}`, string(question))
			return "restarted", nil
		}}
		report, err := run(t.Context(), "testdata/conversation.mjs", map[string]string{"PENNON_NAME": "Ada"}, answers)
		require.NoError(t, err)
		require.Equal(t, []string{"hello Ada"}, report.Lines)
		require.Equal(t, []Check{
			{Name: "the sky is blue", OK: true},
			{Name: "the sea is dry", Detail: json.RawMessage(`{"depth":11034}`)},
		}, report.Checks)
		require.Equal(t, report.Checks[1:], report.Failed())
		require.JSONEq(t, `{"value": "restarted", "refusal": "nobody answers the question \"unheard of\""}`, string(report.Result))
	})

	t.Run("TellsTheScriptThatAnAnswerFailed", func(t *testing.T) {
		t.Parallel()
		answers := Answers{"restart": func(json.RawMessage) (any, error) { return nil, io.ErrUnexpectedEOF }}
		_, err := run(t.Context(), "testdata/conversation.mjs", nil, answers)
		require.ErrorContains(t, err, "unexpected EOF")
	})

	t.Run("QuotesAScriptThatCrashes", func(t *testing.T) {
		t.Parallel()
		_, err := run(t.Context(), "testdata/crash.mjs", nil, nil)
		require.ErrorIs(t, err, errNoResult)
		require.ErrorContains(t, err, "out of paint")
	})

	t.Run("StopsAScriptThatBabbles", func(t *testing.T) {
		t.Parallel()
		_, err := run(t.Context(), "testdata/babble.mjs", nil, nil)
		require.ErrorContains(t, err, "half a mess")
	})

	t.Run("StopsAScriptWhenTheContextEnds", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithCancel(t.Context())
		answers := Answers{"stop": func(json.RawMessage) (any, error) {
			cancel()
			return nil, nil
		}}
		_, err := run(ctx, "testdata/hang.mjs", nil, answers)
		require.ErrorIs(t, err, context.Canceled)
		require.ErrorContains(t, err, "hang.mjs did not end in time")
	})
}
