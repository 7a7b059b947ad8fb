package edge

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func TestStreaming(t *testing.T) {
	t.Parallel()

	t.Run("AppliesChangesAsTheyCome", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			f, stream := newFake(), newLine()
			f.on(pathStreaming, stream.answer)
			stream.send("unleash-connected", "5-0000000a", hydrated(5, flag("a", true), flag("b", true)))
			r := start(t, f)
			require.Equal(t, Streaming, r.Status()[0].Mode)
			require.NoError(t, r.Ready())
			stream.send("unleash-updated", "6-0000000a", updated(6, flag("a", false)))
			stream.send("something-else", "", "{}")
			synctest.Wait()
			require.Equal(t, map[string]bool{"a": false, "b": true}, r.flags(t, "development"))
			require.Equal(t, int64(6), r.store.Cursor().Revision)
			require.Zero(t, f.asked(pathFeatures)+f.asked(pathDelta))
		})
	})

	t.Run("ResumesFromMarkedIDsAndHydratesAfterNumbers", func(t *testing.T) {
		t.Parallel()
		for id, resumes := range map[string]string{"5-0000000a": "5-0000000a", "5": ""} {
			t.Run(id, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					f, stream := newFake(), newLine()
					f.on(pathStreaming, stream.answer)
					stream.send("unleash-connected", id, hydrated(5, flag("a", true)))
					start(t, f)
					next := newLine()
					f.on(pathStreaming, next.answer)
					close(stream.ended)
					advance(2 * time.Second)
					require.Equal(t, 2, f.asked(pathStreaming))
					require.Equal(t, resumes, f.last(pathStreaming).Header.Get("Last-Event-Id"))
				})
			})
		}
	})

	t.Run("FallsBackAtOnceAndClimbsBack", func(t *testing.T) {
		t.Parallel()
		for _, status := range []int{404, 405, 501, 429, 403} {
			t.Run(http.StatusText(status), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					f := newFake()
					f.on(pathStreaming, always(status, ""))
					f.on(pathFeatures, always(http.StatusOK, features(flag("a", true))))
					r := start(t, f)
					require.Equal(t, Full, r.Status()[0].Mode)
					require.Equal(t, map[string]bool{"a": true}, r.flags(t, "development"))

					stream := newLine()
					stream.send("unleash-connected", "9", hydrated(9, flag("b", true)))
					f.on(pathStreaming, stream.answer)
					for waited := time.Duration(0); waited < 20*time.Minute && r.Status()[0].Mode != Streaming; waited += 30 * time.Second {
						advance(30 * time.Second)
					}
					require.Equal(t, Streaming, r.Status()[0].Mode)
					require.Equal(t, map[string]bool{"b": true}, r.flags(t, "development"))
				})
			})
		}
	})

	t.Run("PollsWhileStreamsKeepFailing", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			f := newFake()
			f.on(pathStreaming, always(http.StatusServiceUnavailable, ""))
			f.on(pathFeatures, always(http.StatusOK, features(flag("a", true))))
			r := start(t, f)
			advance(10 * time.Second)
			require.Equal(t, map[string]bool{"a": true}, r.flags(t, "development"))
			require.Equal(t, streamTries, f.asked(pathStreaming))
		})
	})

	t.Run("LeavesAStreamThatHasFrozen", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			f, stream := newFake(), newLine()
			f.on(pathStreaming, stream.answer)
			stream.send("unleash-connected", "5", hydrated(5, flag("a", true)))
			r := start(t, f)
			for range 5 { // heartbeats keep it
				advance(30 * time.Second)
				stream.frames <- ":\n"
			}
			synctest.Wait()
			require.Equal(t, 1, f.asked(pathStreaming))
			advance(idleTimeout + 2*time.Second)
			require.Equal(t, 2, f.asked(pathStreaming))
			require.ErrorIs(t, r.Status()[0].Err, errIdle)
			require.Equal(t, map[string]bool{"a": true}, r.flags(t, "development"))
		})
	})

	t.Run("DoesNotWaitForAStreamThatNeverBegins", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			f := newFake()
			f.on(pathStreaming, newLine().answer)
			f.on(pathFeatures, always(http.StatusOK, features(flag("a", true))))
			r := start(t, f)
			advance(time.Minute)
			require.Equal(t, map[string]bool{"a": true}, r.flags(t, "development"))
		})
	})

	t.Run("StartsAnewAfterWhatItCannotRead", func(t *testing.T) {
		t.Parallel()
		for name, data := range map[string]string{
			"NoJSON":         `{"events":[{"type":`,
			"NoEvents":       `{}`,
			"EventInPieces":  `{"events":[{"type":"feature-updated","eventId":6}]}`,
			"NamelessRemove": `{"events":[{"type":"feature-removed","eventId":6}]}`,
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					f, stream := newFake(), newLine()
					f.on(pathStreaming, stream.answer)
					stream.send("unleash-connected", "5-0000000a", hydrated(5, flag("a", true)))
					r := start(t, f)
					next := newLine()
					next.send("unleash-connected", "6-0000000a", hydrated(6, flag("a", true), flag("b", true)))
					f.on(pathStreaming, next.answer)
					stream.send("unleash-updated", "6-0000000a", data)
					advance(2 * time.Second)
					require.Empty(t, f.last(pathStreaming).Header.Get("Last-Event-Id"))
					require.Equal(t, map[string]bool{"a": true, "b": true}, r.flags(t, "development"))
				})
			})
		}
	})

	t.Run("PollsWhenItIsAskedTo", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			f, stream := newFake(), newLine()
			f.on(pathStreaming, stream.answer)
			f.on(pathFeatures, always(http.StatusOK, features(flag("a", true))))
			stream.send("unleash-connected", "5", hydrated(5, flag("a", true)))
			r := start(t, f)
			stream.frames <- "event: fetch-mode\ndata: polling\n\n"
			advance(time.Second)
			require.Equal(t, Full, r.Status()[0].Mode)

			back := newLine()
			back.send("unleash-connected", "6", hydrated(6, flag("a", true)))
			f.on(pathStreaming, back.answer)
			f.on(pathFeatures, always(http.StatusOK, features(flag("a", true)), "Fetch-Mode", "streaming"))
			advance(time.Minute)
			require.Equal(t, Streaming, r.Status()[0].Mode)
		})
	})
}

func TestEventReader(t *testing.T) {
	t.Parallel()
	var heard int
	text := "\ufeff: hello\n\nid: 1\nevent: a\ndata: one\ndata:two\n\n: beat\nretry: 1500\n\nevent: lost\n\ndata: " +
		strings.Repeat("x", 100_000) + "\r\n\r\ndata: cut"
	r := newEventReader(strings.NewReader(text), func() { heard++ })
	m, err := r.next()
	require.NoError(t, err)
	require.Equal(t, message{event: "a", id: "1", data: "one\ntwo"}, m)
	m, err = r.next()
	require.NoError(t, err)
	require.Equal(t, message{retry: 1500 * time.Millisecond}, m)
	m, err = r.next()
	require.NoError(t, err)
	require.Empty(t, m.event)
	require.Len(t, m.data, 100_000)
	_, err = r.next()
	require.Error(t, err)
	require.Positive(t, heard)
}
