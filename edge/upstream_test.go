package edge

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/replica"
	"github.com/pennonhq/pennon/token"
)

func TestPolling(t *testing.T) {
	t.Parallel()

	t.Run("IsWhatRemainsOfAnUpstreamThatKnowsNothingElse", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			f := newFake()
			f.on(pathFeatures, always(http.StatusOK, features(flag("a", true), flag("b", false)), "Etag", `"76d8bb0e:42:v1"`))
			r := start(t, f)
			require.Equal(t, map[string]bool{"a": true, "b": false}, r.flags(t, "development"))
			require.Equal(t, int64(42), r.store.Cursor().Revision, "the upstream's number")
			require.NoError(t, r.Ready())
			require.Equal(t, Full, r.Status()[0].Mode)

			sent := f.last(pathFeatures).Header
			require.Equal(t, testToken, sent.Get("Authorization"))
			require.Equal(t, DefaultAppName, sent.Get("Unleash-Appname"))
			require.Equal(t, "15000", sent.Get("Unleash-Interval"))
			require.Equal(t, specVersion, sent.Get("Unleash-Client-Spec"))
			require.NotEmpty(t, sent.Get("Unleash-Instanceid"))
			require.NotEmpty(t, sent.Get("Unleash-Connection-Id"))
		})
	})

	t.Run("AsksWithTheTagOfTheLastAnswer", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			f := newFake()
			f.on(pathFeatures, always(http.StatusOK, features(flag("a", true)), "Etag", `"x:1"`))
			r := start(t, f)
			f.on(pathFeatures, always(http.StatusNotModified, ""))
			advance(20 * time.Second)
			require.Equal(t, `"x:1"`, f.last(pathFeatures).Header.Get("If-None-Match"))
			require.Equal(t, map[string]bool{"a": true}, r.flags(t, "development"))
			require.Less(t, r.Staleness(time.Now()), 10*time.Second)

			advance(resyncEvery)
			synctest.Wait()
			require.Greater(t, unconditional(f), 1, "now and then everything is asked for, should the upstream be wrong about its tags")
		})
	})

	t.Run("LosesNothingToAnswersThatAreNone", func(t *testing.T) {
		t.Parallel()
		for name, answer := range map[string]func(*http.Request) *http.Response{
			"Unavailable":      always(http.StatusServiceUnavailable, ""),
			"Unreachable":      unreachable,
			"NoJSON":           always(http.StatusOK, "<html>"),
			"CutOff":           always(http.StatusOK, features(flag("a", true))[:40]),
			"NoFlags":          always(http.StatusOK, `{"version":2}`),
			"NullFlags":        always(http.StatusOK, `{"version":2,"features":null}`),
			"Refused":          always(http.StatusForbidden, ""),
			"NotFound":         always(http.StatusNotFound, ""),
			"FlagWithoutName":  always(http.StatusOK, features(`{"enabled":true,"strategies":[]}`)),
			"FlagWithoutRules": always(http.StatusOK, features(`{"name":"a","enabled":false}`)),
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					f := newFake()
					f.on(pathFeatures, always(http.StatusOK, features(flag("a", true)), "Etag", `"x:1"`))
					r := start(t, f)
					f.on(pathFeatures, answer)
					advance(time.Hour)
					require.Equal(t, map[string]bool{"a": true}, r.flags(t, "development"))

					f.on(pathFeatures, always(http.StatusOK, features(flag("a", false)), "Etag", `"x:2"`))
					advance(15 * time.Minute)
					require.Equal(t, map[string]bool{"a": false}, r.flags(t, "development"))
					require.NoError(t, r.Ready())
				})
			})
		}
	})

	t.Run("TakesAnEmptyAnswerAtItsWord", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			f := newFake()
			f.on(pathFeatures, always(http.StatusOK, features()))
			r := start(t, f)
			require.Empty(t, r.flags(t, "development"))
			require.NotNil(t, r.store.State("development"))
		})
	})

	t.Run("AsksARefusingUpstreamSlowlyAndSaysSo", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			f := newFake()
			for _, path := range []string{pathFeatures, pathDelta, pathStreaming} {
				f.on(path, always(http.StatusUnauthorized, ""))
			}
			r := start(t, f)
			require.ErrorContains(t, r.Ready(), "refuses the token *:development.")
			advance(time.Hour)
			require.LessOrEqual(t, f.asked(pathFeatures), 12)
			require.Greater(t, f.asked(pathFeatures), 4)

			f.on(pathFeatures, always(http.StatusOK, features(flag("a", true))))
			advance(15 * time.Minute)
			require.NoError(t, r.Ready())
		})
	})

	t.Run("DrawsOutItsIntervalWhileTheUpstreamFails", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			f := newFake()
			f.on(pathFeatures, always(http.StatusOK, features(flag("a", true))))
			start(t, f, func(c *UpstreamConfig) { c.Prefer = Full })
			f.on(pathFeatures, always(http.StatusBadGateway, ""))
			before := f.asked(pathFeatures)
			advance(time.Hour)
			require.Less(t, f.asked(pathFeatures)-before, 40, "one an interval would be 240")
		})
	})
}

// unconditional counts the requests for everything.
func unconditional(f *fake) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	var n int
	for _, r := range f.requests {
		if r.URL.Path == pathFeatures && r.Header.Get("If-None-Match") == "" {
			n++
		}
	}
	return n
}

func TestDeltaPolling(t *testing.T) {
	t.Parallel()

	t.Run("AppliesWhatHasChanged", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			f := newFake()
			f.on(pathDelta, always(http.StatusOK, hydrated(5, flag("a", true), flag("b", true)), "Etag", `"5"`))
			r := start(t, f)
			require.Equal(t, Delta, r.Status()[0].Mode)
			f.on(pathDelta, always(http.StatusOK, `{"events":[{"type":"feature-removed","eventId":7,"featureName":"b","project":"default"}]}`, "Etag", `"7"`))
			advance(20 * time.Second)
			require.Equal(t, `"5"`, f.last(pathDelta).Header.Get("If-None-Match"))
			require.Equal(t, map[string]bool{"a": true}, r.flags(t, "development"))
			require.Equal(t, int64(7), r.store.Cursor().Revision)
		})
	})

	t.Run("GivesWayToFullPollingWhenItStartsInTheMiddle", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			f := newFake()
			f.on(pathDelta, always(http.StatusOK, updated(9, flag("b", true)), "Etag", `"9"`))
			f.on(pathFeatures, always(http.StatusOK, features(flag("a", true), flag("b", true))))
			r := start(t, f)
			require.Equal(t, map[string]bool{"a": true, "b": true}, r.flags(t, "development"))
		})
	})
}

func TestHistory(t *testing.T) {
	t.Parallel()

	everything := replica.Query{Scope: token.NewScope("development", token.All)}

	t.Run("GoesOnWhenTheUpstreamIsRestoredToAnOlderState", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			f, stream := newFake(), newLine()
			f.on(pathStreaming, stream.answer)
			stream.send("unleash-connected", "50", hydrated(50, flag("a", true), flag("b", true)))
			r := start(t, f)
			before := r.store.Cursor()
			stream.send("unleash-updated", "20", hydrated(20, flag("a", false), flag("b", true)))
			synctest.Wait()
			require.Equal(t, map[string]bool{"a": false, "b": true}, r.flags(t, "development"))

			after := r.store.Cursor()
			require.Greater(t, after.Revision, before.Revision)
			require.NotEqual(t, before.Mark, after.Mark, "another history")
			payload, ok := r.store.State("development").Since(everything, before)
			require.True(t, ok, "clients resume over it")
			require.NotContains(t, string(payload.JSON), `"name":"b"`, "and get what differs only")
			require.NotContains(t, string(payload.JSON), "hydration")
		})
	})

	t.Run("KeepsTheFlagsOfEnvironmentsApart", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			f := newFake()
			f.on(pathFeatures, func(r *http.Request) *http.Response {
				if r.Header.Get("Authorization") == "*:production.p" {
					return reply(http.StatusOK, features(flag("a", false)), "Etag", `"p:3"`)
				}
				return reply(http.StatusOK, features(flag("a", true)), "Etag", `"d:9"`)
			})
			r := start(t, f, func(c *UpstreamConfig) {
				c.Tokens = []UpstreamToken{{Secret: "*:development.d"}, {Secret: "*:production.p"}}
			})
			require.Equal(t, map[string]bool{"a": true}, r.flags(t, "development"))
			require.Equal(t, map[string]bool{"a": false}, r.flags(t, "production"))
		})
	})

	t.Run("KeepsWhatAnotherTokenOfTheEnvironmentStillHas", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			f := newFake()
			answer := func(x string) func(*http.Request) *http.Response {
				return func(r *http.Request) *http.Response {
					if r.Header.Get("Authorization") == "x:development.1" {
						return reply(http.StatusOK, x)
					}
					return reply(http.StatusOK, features(flag("both", true)))
				}
			}
			f.on(pathFeatures, answer(features(flag("both", true), flag("x", true))))
			r := start(t, f, func(c *UpstreamConfig) {
				c.Prefer = Full
				c.Tokens = []UpstreamToken{{Secret: "x:development.1"}, {Secret: "y:development.2"}}
			})
			f.on(pathFeatures, answer(features()))
			advance(20 * time.Second)
			require.Equal(t, map[string]bool{"both": true}, r.flags(t, "development"))
		})
	})

	t.Run("ChangesNothingWhereNothingChanges", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			f := newFake()
			f.on(pathFeatures, always(http.StatusOK, features(flag("a", true)), "Etag", `"x:5"`))
			r := start(t, f)
			before := r.store.Cursor()
			advance(time.Minute)
			require.Equal(t, before, r.store.Cursor())
		})
	})
}

func TestBootstrap(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.on("/flags.json", always(http.StatusOK, features(flag("boot", true))))
		f.on(pathFeatures, unreachable)
		r := start(t, f, func(c *UpstreamConfig) {
			c.Bootstrap = Bootstrap{URL: "http://elsewhere/flags.json", Authorization: "boot-key"}
		})
		require.Equal(t, map[string]bool{"boot": true}, r.flags(t, "development"))
		require.Equal(t, "boot-key", f.last("/flags.json").Header.Get("Authorization"))
		require.Error(t, r.Ready())

		f.on(pathFeatures, always(http.StatusOK, features(flag("a", true)), "Etag", `"x:9"`))
		advance(time.Minute)
		require.Equal(t, map[string]bool{"a": true}, r.flags(t, "development"))
		require.Equal(t, int64(9), r.store.Cursor().Revision)
	})
}

func TestConfiguration(t *testing.T) {
	t.Parallel()
	for name, config := range map[string]UpstreamConfig{
		"WithoutToken":  {URL: "http://upstream/api"},
		"WithoutURL":    {Tokens: []UpstreamToken{{Secret: "x"}}},
		"WithNoHTTPURL": {URL: "upstream:4242", Tokens: []UpstreamToken{{Secret: "x"}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := NewUpstream(config)
			require.Error(t, err)
		})
	}
	require.Equal(t, "default", UpstreamToken{Secret: "legacy"}.environment())
	require.Equal(t, "production", UpstreamToken{Secret: "*:production.x"}.environment())
}
