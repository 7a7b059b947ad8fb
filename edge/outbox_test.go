package edge

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/api/client"
	"github.com/pennonhq/pennon/token"
	"github.com/pennonhq/pennon/usage"
)

func TestForwarderKeepsWhatItHas(t *testing.T) {
	t.Parallel()

	t.Run("TellsWhichTokensWereUsed", func(t *testing.T) {
		t.Parallel()
		for old, want := range map[bool]string{false: client.SeenByHash(token.Hash("s")), true: "s"} {
			synctest.Test(t, func(t *testing.T) {
				at := &receiver{status: http.StatusAccepted, old: old}
				buffer, _ := forward(t, Bulk, at, func(f *Forwarder) {
					f.Secret = func(sum hash) string {
						if sum == token.Hash("s") {
							return "s"
						}
						return ""
					}
				})
				for range 2 {
					buffer.Used(usage.TokenUse{Environment: "development", Hash: token.Hash("s")})
					advance(2 * time.Minute)
				}
				require.Len(t, at.taken(), 2)
				var body struct{ SeenTokens []string }
				require.NoError(t, json.Unmarshal(at.taken()[1], &body))
				require.Equal(t, []string{want}, body.SeenTokens)
			})
		}
	})

	t.Run("HandsTheNextRunWhatItCouldNotSend", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			at := &receiver{status: http.StatusAccepted, lossy: true}
			var first *Forwarder
			buffer, stop := forward(t, Bulk, at, func(f *Forwarder) { first = f })
			buffer.Count(key("a", "shop", "development"), usage.Count{Yes: 1})
			buffer.Used(usage.TokenUse{Environment: "development", Hash: token.Hash("s")})
			advance(2 * time.Minute)
			buffer.Count(key("a", "shop", "development"), usage.Count{Yes: 2})
			stop()
			left := first.remaining(maxSaved)
			require.Len(t, left, 2)
			require.NotContains(t, string(encoded(left)), "seenTokens")

			at.change(func(r *receiver) { r.lossy = false })
			delivered := 0
			var second *Forwarder
			_, stop = forward(t, Bulk, at, func(f *Forwarder) {
				second = f
				f.Delivered = func() { delivered++ }
				f.restore(append(left, savedReport{ID: "nonsense"}))
			})
			require.Equal(t, left, second.saved())
			require.Len(t, second.pending().Counts, 1)
			advance(2 * time.Minute)
			stop()
			require.Equal(t, 2, delivered)
			require.Empty(t, second.saved())
			require.Empty(t, second.remaining(maxSaved))
			require.Equal(t, 3, at.yes(t))
		})
	})

	t.Run("GivesUpWhatIsTooOldAndKeepsABoundedAmount", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			at := &receiver{}
			var f *Forwarder
			buffer, stop := forward(t, Bulk, at, func(made *Forwarder) { f = made })
			buffer.Count(key("a", "shop", "development"), usage.Count{Yes: 1})
			advance(maxReportAge + time.Hour)
			require.Equal(t, map[string]uint64{dropRefused: 1}, f.stats.lost)
			for i := range 4_000 {
				buffer.Count(key(fmt.Sprintf("feature-with-a-long-name-%05d", i), "shop", "development"), usage.Count{Yes: 1})
			}
			stop()
			left := f.remaining(300 << 10)
			size := 0
			for _, r := range left {
				size += len(r.Body)
			}
			require.Greater(t, size, 150<<10)
			require.LessOrEqual(t, size, 300<<10)
			require.Positive(t, f.stats.lost[dropOverflow])
		})
	})
}

func TestPipelineTakesReportsOfEdgesBelowOnce(t *testing.T) {
	t.Parallel()
	made := func() *pipeline {
		u, err := NewUpstream(UpstreamConfig{URL: "http://upstream/api", Open: true, Transport: newFake()})
		require.NoError(t, err)
		config, err := Config{URL: "http://upstream", Dynamic: true}.withDefaults()
		require.NoError(t, err)
		return newPipeline(config, u, newTokens(nil, config.Logger))
	}
	first := made()
	id := usage.ReportID{Sender: usage.NewSender(), Number: 1}
	batch := usage.NewBatch()
	batch.Counts[key("a", "shop", "development")] = usage.Count{Yes: 1}
	for range 2 {
		require.NoError(t, first.once(t.Context(), id, batch))
	}
	for _, count := range first.forwarder.pending().Counts {
		require.Equal(t, int64(1), count.Yes)
	}
	saved := first.saved()
	require.Equal(t, []string{id.String()}, saved.Taken)

	second := made()
	second.restore(saved)
	require.NoError(t, second.once(t.Context(), id, batch))
	require.Empty(t, second.forwarder.pending().Counts, "an earlier run took it")
	require.Nil(t, made().saved())
}

func TestTokensTellOfEachUseOnce(t *testing.T) {
	t.Parallel()
	tokens := newTokens(nil, slog.New(slog.DiscardHandler))
	tokens.trust("secret", &token.Token{Kind: token.Frontend, Scope: token.NewScope("development", token.All)})
	upstream, err := NewUpstream(UpstreamConfig{URL: "http://upstream/api", Tokens: []UpstreamToken{{Secret: testToken}}, Transport: newFake()})
	require.NoError(t, err)
	a := newAdmission(tokens, upstream, nil, false, slog.New(slog.DiscardHandler))
	used := func() (all []usage.TokenUse) {
		tokens.uses(func(use usage.TokenUse) { all = append(all, use) })
		return all
	}
	require.Empty(t, used())
	for range 2 {
		_, _ = a.Token(t.Context(), "secret") // its flags are not there yet; it was used all the same
		_, _ = a.Token(t.Context(), "secret")
		require.Equal(t, []usage.TokenUse{{Environment: "development", Hash: token.Hash("secret")}}, used())
		require.Empty(t, used())
	}
	require.Equal(t, "secret", tokens.secretOf(token.Hash("secret")))
	require.Empty(t, tokens.secretOf(token.Hash("other")))
}
