package client

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/api"
	"github.com/pennonhq/pennon/fault"
	"github.com/pennonhq/pennon/token"
	"github.com/pennonhq/pennon/usage"
)

func TestSeenTokensAreSecretsOrHashesAndBounded(t *testing.T) {
	t.Parallel()
	hash := token.Hash("b")
	require.Equal(t, [][32]byte{token.Hash("a"), hash, hash, token.Hash("sha256:b")},
		seenTokens(map[string]any{"seenTokens": []any{"a", 1, nil, "b", SeenByHash(hash), "sha256:b"}}))
	require.Empty(t, seenTokens(map[string]any{"seenTokens": "a"}))
	require.Empty(t, seenTokens(map[string]any{"seenTokens": []any{}}))
	many := make([]any, 5000)
	for i := range many {
		many[i] = "x"
	}
	require.Len(t, seenTokens(map[string]any{"seenTokens": many}), maxValidated)
}

func TestReportsWithANameAreCountedOnce(t *testing.T) {
	t.Parallel()
	const body = `{"applications":[{"appName":"shop","instanceId":"1"}],"metrics":[
		{"featureName":"f","appName":"shop","environment":"development","yes":2,"no":1},
		{"featureName":"f","appName":"shop","environment":"development","yes":3}],
		"impactMetrics":[{"name":"n","type":"counter","samples":[{"value":1}]}]}`
	name := usage.ReportID{Sender: usage.NewSender(), Number: 4}
	var taken []usage.Batch
	var away bool
	ledger := usage.NewLedger()
	s := newReporting(func(d *Dependencies) {
		d.Once = func(_ context.Context, id usage.ReportID, batch usage.Batch) error {
			if away {
				return fault.New(fault.Unavailable, "away")
			}
			if ledger.Take(id) {
				taken = append(taken, batch)
			}
			return nil
		}
	})
	const bulk = "/api/client/metrics/bulk"
	away = true
	require.Equal(t, http.StatusServiceUnavailable, s.post(t, bulk, "default", body, HeaderReport, name.String()).Code)
	away = false
	for range 2 {
		answer := s.post(t, bulk, "default", body, HeaderReport, name.String())
		require.Equal(t, http.StatusAccepted, answer.Code)
		require.Equal(t, name.String(), answer.Header().Get(HeaderReport))
	}
	require.Len(t, taken, 1)
	for key, count := range taken[0].Counts {
		require.Equal(t, "development", key.Environment)
		require.Equal(t, usage.Count{Yes: 5, No: 1}, count)
	}
	require.Len(t, taken[0].Instances, 1)
	require.Len(t, taken[0].Impact, 1)
	require.True(t, s.buffer.Take().Empty())

	name.Number++
	require.Equal(t, http.StatusAccepted, s.post(t, "/api/client/metrics", "default", `{"appName":"shop"}`, HeaderReport, name.String()).Code)
	require.Len(t, taken, 2, "SDKs' reports may have names, too")
	require.Equal(t, http.StatusBadRequest, s.post(t, bulk, "default", body, HeaderReport, "17").Code)
	require.Equal(t, http.StatusBadRequest, s.post(t, bulk, "default", strings.Replace(body, "[", "", 1), HeaderReport, name.String()).Code)
	require.Equal(t, http.StatusAccepted, s.post(t, bulk, "default", body).Code)
	require.Len(t, taken, 2)
	require.Len(t, s.buffer.Take().Counts, 1, "without a name it is buffered")
}

func TestWhoAsksAboutTokensUsesThemUnlessItSaysItself(t *testing.T) {
	t.Parallel()
	used := &counting{tokens: tokens{"default": clientToken("1", "development", "default")}}
	asked := &counting{tokens: used.tokens}
	s := newReporting(func(d *Dependencies) { d.Tokens, d.Asked = used, asked })
	for sdk, of := range map[string]*counting{"unleash-edge:20": used, "pennon:1.0.0": asked} {
		before := of.calls
		answer := s.post(t, "/edge/validate", "", `{"tokens":["default","other"]}`, "Unleash-Sdk", sdk)
		require.Equal(t, http.StatusOK, answer.Code)
		require.Contains(t, answer.Body.String(), "development")
		require.Equal(t, before+2, of.calls)
	}
	require.Equal(t, 2, asked.calls)
}

type counting struct {
	tokens api.Tokens
	calls  int
}

func (c *counting) Token(ctx context.Context, secret string) (*token.Token, error) {
	c.calls++
	return c.tokens.Token(ctx, secret)
}
