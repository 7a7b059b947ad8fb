package edge

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/token"
)

func TestOutages(t *testing.T) {
	t.Parallel()

	t.Run("StreamsAgainSoonAfterAnUpstreamThatWasAway", func(t *testing.T) {
		t.Parallel()
		for away, soon := range map[time.Duration]time.Duration{
			500 * time.Millisecond: time.Second, 5 * time.Second: 6 * time.Second, 20 * time.Minute: backoffMax * 5 / 4,
		} {
			t.Run(away.String(), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					f, stream := newFake(), newLine()
					f.on(pathStreaming, stream.answer)
					stream.send("unleash-connected", "5-0000000a", hydrated(5, flag("a", true)))
					r := start(t, f)
					for _, path := range []string{pathStreaming, pathDelta, pathFeatures} {
						f.on(path, unreachable)
					}
					close(stream.ended)
					advance(away)
					require.Equal(t, map[string]bool{"a": true}, r.flags(t, "development"))

					next := newLine()
					next.send("unleash-connected", "6-0000000b", updated(6, flag("a", false)))
					f.on(pathStreaming, next.answer)
					f.on(pathDelta, always(http.StatusOK, hydrated(6, flag("a", false)), "Etag", `"6"`))
					advance(soon)
					require.Equal(t, Streaming, r.Status()[0].Mode)
					require.Equal(t, map[string]bool{"a": false}, r.flags(t, "development"))
				})
			})
		}
	})

	t.Run("DoesNotPollBecauseStreamsThatWorkAreShort", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			f := newFake()
			stream := newLine()
			stream.send("unleash-connected", "5-0000000a", hydrated(5, flag("a", true)))
			f.on(pathStreaming, stream.answer)
			r := start(t, f)
			for range 8 {
				next := newLine()
				next.send("unleash-connected", "5-0000000a", `{"events":[]}`)
				f.on(pathStreaming, next.answer)
				close(stream.ended)
				advance(DefaultRefreshInterval * 5 / 4)
				require.Equal(t, Streaming, r.Status()[0].Mode)
				require.True(t, r.Status()[0].Connected)
				stream = next
			}
			require.Zero(t, f.asked(pathDelta)+f.asked(pathFeatures))
		})
	})

	t.Run("PollsWhereStreamsBringNothing", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			f := newFake()
			f.on(pathStreaming, unreachable)
			f.on(pathDelta, always(http.StatusOK, hydrated(5, flag("a", true)), "Etag", `"5"`))
			r := start(t, f)
			advance(10 * time.Second)
			require.Equal(t, Delta, r.Status()[0].Mode)
			require.Equal(t, map[string]bool{"a": true}, r.flags(t, "development"))
			require.LessOrEqual(t, f.asked(pathStreaming), streamTries)
		})
	})
}

// TestFlagsOfAnEarlierRun are older than the upstream's, so they are served only if it does not answer.
func TestFlagsOfAnEarlierRun(t *testing.T) {
	t.Parallel()
	everything := token.NewScope("development", token.All)
	for name, earlier := range map[string]struct {
		answer func(*http.Request) *http.Response
		after  time.Duration // flags are served, and not before
		on     bool          // as the upstream says
	}{
		"WaitForAnUpstreamThatIsSlow": {func(*http.Request) *http.Response {
			<-time.After(time.Second)
			return reply(http.StatusOK, features(flag("a", true)))
		}, time.Second, true},
		"AreServedAtOnceWhereItIsAway": {unreachable, 0, false},
		"AreServedSoonWhereItIsSilent": {func(r *http.Request) *http.Response {
			<-r.Context().Done()
			return nil
		}, restoredAfter, false},
		"AreServedWhereItRefusesTheToken": {always(http.StatusUnauthorized, ""), 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f := newFake()
				f.on(pathFeatures, earlier.answer)
				r := start(t, f, func(c *UpstreamConfig) { c.Tokens, c.Open = nil, true })
				r.Add(UpstreamToken{Secret: testToken}, []byte(features(flag("a", false))))
				synctest.Wait()
				if earlier.after > 0 {
					advance(earlier.after - time.Millisecond)
					_, loaded := r.Covers(everything)
					require.False(t, loaded)
					require.Error(t, r.Ready())
					advance(2 * time.Millisecond)
				}
				_, loaded := r.Covers(everything)
				require.True(t, loaded)
				require.Equal(t, map[string]bool{"a": earlier.on}, r.flags(t, "development"))
			})
		})
	}
}
