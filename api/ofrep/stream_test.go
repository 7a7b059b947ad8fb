package ofrep_test

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/eval"
	"github.com/pennonhq/pennon/sse"
)

const alice = `{"context":{"targetingKey":"alice"}}`

func (b bulk) stream(t *testing.T) string {
	t.Helper()
	require.Len(t, b.EventStreams, 1)
	require.Equal(t, "sse", b.EventStreams[0].Type)
	uri := b.EventStreams[0].Endpoint.RequestURI
	require.Regexp(t, `^/base/ofrep/v1/stream\?ticket=[A-Za-z0-9_-]+$`, uri)
	return uri
}

func TestETagCoversWhatWasEvaluated(t *testing.T) {
	t.Parallel()
	w := setup(t, sse.Config{}, onlyFor("vip", "userId", "alice"), on("flag"))
	first := w.post(evaluate, alice)
	tag := first.header.Get("ETag")
	require.Regexp(t, `^"[0-9a-f]{16}-[0-9a-z.]+-[0-9a-f]{8}"$`, tag)
	require.Equal(t, "application/json; charset=utf-8", first.header.Get("Content-Type"))

	for _, known := range []string{tag, "W/" + tag, strings.Trim(tag, `"`), `"other", ` + tag, "*"} {
		same := w.post(evaluate, alice, "If-None-Match", known)
		require.Equal(t, http.StatusNotModified, same.status, known)
		require.Empty(t, same.body)
	}
	require.Equal(t, http.StatusOK, w.post(evaluate, `{"context":{"targetingKey":"bob"}}`, "If-None-Match", tag).status, "another context")

	w.put(onlyFor("vip", "userId", "alice", eval.Variant{}), onlyFor("bobs", "userId", "bob"))
	w.put(onlyFor("vip", "userId", "alice"))
	changed := w.post(evaluate, alice, "If-None-Match", tag)
	require.Equal(t, http.StatusOK, changed.status, "a flag was added")
	w.put(onlyFor("bobs", "userId", "bobby"))
	require.Equal(t, http.StatusNotModified, w.post(evaluate, alice, "If-None-Match", changed.header.Get("ETag")).status,
		"a rule changed that answers alice the same")
}

func TestClientsWithoutIDsAreAnsweredTheSameEachTime(t *testing.T) {
	t.Parallel()
	var flags []eval.Feature
	for i := range 40 {
		f := on("flag-" + strconv.Itoa(i))
		f.Strategies[0] = eval.Strategy{Name: "flexibleRollout", Parameters: map[string]string{
			"rollout": "50", "stickiness": []string{"default", "random"}[i%2], "groupId": f.Name,
		}}
		flags = append(flags, f)
	}
	w := setup(t, sse.Config{}, flags...)
	first := w.post(evaluate, "")
	for range 20 {
		require.Equal(t, http.StatusNotModified, w.post(evaluate, "", "If-None-Match", first.header.Get("ETag")).status)
	}
	different := 0
	for range 20 {
		if w.post(evaluate, "").body != first.body {
			different++
		}
	}
	require.Positive(t, different, "clients that come for the first time are drawn anew")
	drawn := map[string]bool{}
	for _, flag := range first.bulk(t).Flags {
		if number, err := strconv.Atoi(strings.TrimPrefix(flag.Key, "flag-")); err == nil && number%2 == 1 {
			drawn[string(flag.Value)] = true
		}
	}
	require.Len(t, drawn, 2, "each flag is drawn for itself: all twenty alike would be one case in half a million")

	l := w.listen(first.bulk(t).stream(t))
	opened := l.next()
	w.put(on("unrelated"))
	l.next()
	w.put(eval.Feature{Name: "unrelated", Enabled: true, Type: "release"}) // answers the same
	require.NotEmpty(t, opened.id)
	w.put(off(on("unrelated")))
	require.NotEqual(t, opened.id, l.next().id)
}

func TestStreamTellsWhenTheAnswerChanges(t *testing.T) {
	t.Parallel()
	w := setup(t, sse.Config{}, onlyFor("vip", "userId", "alice"))
	answer := w.post(evaluate, alice)
	l := w.listen(answer.bulk(t).stream(t))
	opening := l.next()
	require.Equal(t, "message", opening.name)
	require.JSONEq(t, `{"type":"refetchEvaluation","etag":"1-abc00001"}`, opening.data)
	retry, err := strconv.Atoi(opening.retry)
	require.NoError(t, err)
	require.GreaterOrEqual(t, retry, 3000)
	require.Equal(t, http.StatusNotModified, w.post(evaluate+"?flagConfigEtag=1-abc00001", alice, "If-None-Match", answer.header.Get("ETag")).status,
		"nothing has changed since")

	w.put(onlyFor("vip", "userId", "bob")) // off for alice
	told := l.next()
	require.JSONEq(t, `{"type":"refetchEvaluation","etag":"2-abc00002"}`, told.data)
	require.NotEqual(t, opening.id, told.id)
	again := w.post(evaluate+"?flagConfigEtag=2-abc00002&flagConfigLastModified=1771622898", alice, "If-None-Match", answer.header.Get("ETag"))
	require.JSONEq(t, "false", string(again.bulk(t).Flags[0].Value))
	require.Equal(t, answer.bulk(t).stream(t), again.bulk(t).stream(t), "the stream stays the same")

	w.put(onlyFor("vip", "userId", "carol"))
	w.put(onlyFor("vip", "userId", "alice")) // as at first
	require.Equal(t, opening.id, l.next().id, "what did not change alice's answer was not told")
}

func TestStreamsThatComeBackAreToldWhatTheyMissed(t *testing.T) {
	t.Parallel()
	w := setup(t, sse.Config{}, on("flag"))
	uri := w.post(evaluate, alice).bulk(t).stream(t)
	first := w.listen(uri)
	last := first.next().id
	first.close()

	same := w.listen(uri, "Last-Event-ID", last)
	note := same.next()
	require.Empty(t, note.data, "nothing has changed")
	require.Equal(t, last, note.id)
	require.NotEmpty(t, note.retry)
	w.put(off(on("flag")))
	require.Contains(t, same.next().data, "refetchEvaluation")

	changed := w.listen(uri, "Last-Event-ID", last)
	require.Contains(t, changed.next().data, "refetchEvaluation")
}

func TestStreamTellsWhenADateComes(t *testing.T) {
	t.Parallel()
	f := on("flag")
	soon := time.Now().Add(300 * time.Millisecond).UTC().Format(time.RFC3339Nano)
	f.Strategies[0].Constraints = []eval.Constraint{{ContextName: "currentTime", Operator: "DATE_AFTER", Value: &soon}}
	w := setup(t, sse.Config{}, f)
	l := w.listen(w.post(evaluate, alice).bulk(t).stream(t))
	l.next()
	require.Contains(t, l.next().data, "refetchEvaluation")
	require.JSONEq(t, "true", string(w.post(evaluate, alice).bulk(t).Flags[0].Value))
}

func TestTicketsAreForTheirClientOnly(t *testing.T) {
	t.Parallel()
	w := setup(t, sse.Config{}, onlyFor("vip", "userId", "alice"))
	uri := w.post(evaluate, alice).bulk(t).stream(t)
	require.NotContains(t, uri, "web")
	require.NotEqual(t, uri, w.post(evaluate, `{"context":{"targetingKey":"bob"}}`).bulk(t).stream(t))
	require.NotEqual(t, uri, w.post(evaluate, alice, "Authorization", "server").bulk(t).stream(t))
	for _, forged := range []string{"/base/ofrep/v1/stream", uri[:len(uri)-1], uri + "A", strings.Replace(uri, "ticket=", "ticket=A", 1)} {
		require.Equal(t, http.StatusUnauthorized, w.listen(forged, "Authorization", "web").status, forged)
	}
	w.tokens.revoke("web")
	require.Equal(t, http.StatusUnauthorized, w.listen(uri).status)
}

func TestStreamsEndWithTheirToken(t *testing.T) {
	t.Parallel()
	w := setup(t, sse.Config{}, on("flag"))
	l := w.listen(w.post(evaluate, alice).bulk(t).stream(t))
	l.next()
	w.tokens.revoke("web")
	require.Equal(t, 1, w.hub.CloseKey("web", sse.Revoked))
	require.Empty(t, l.ends())
}

func TestBrowsersComeBackWhenThereIsNoRoom(t *testing.T) {
	t.Parallel()
	w := setup(t, sse.Config{MaxStreams: 1}, on("flag"))
	uri := w.post(evaluate, alice).bulk(t).stream(t)
	w.listen(uri).next()
	refused := w.listen(uri)
	require.Equal(t, http.StatusOK, refused.status, "an EventSource gives up on anything else")
	before := refused.ends()
	require.Len(t, before, 1)
	retry, err := strconv.Atoi(before[0].retry)
	require.NoError(t, err)
	require.GreaterOrEqual(t, retry, 30_000)
}

func TestLargeContextsAreOfferedNoStream(t *testing.T) {
	t.Parallel()
	w := setup(t, sse.Config{}, on("flag"))
	answer := w.post(evaluate, `{"context":{"a":"`+strings.Repeat("x", 8000)+`"}}`).bulk(t)
	require.Len(t, answer.Flags, 1)
	require.Empty(t, answer.EventStreams)
}

func TestAnswersWaitForTheStateAnEventNamed(t *testing.T) {
	t.Parallel()
	w := setup(t, sse.Config{}, on("flag"))
	changed := make(chan struct{})
	go func() {
		defer close(changed)
		<-time.After(100 * time.Millisecond)
		w.put(off(on("flag")))
	}()
	require.JSONEq(t, "false", string(w.post(evaluate+"?flagConfigEtag=2-abc00002", alice).bulk(t).Flags[0].Value))
	<-changed
	start := time.Now()
	require.Equal(t, http.StatusOK, w.post(evaluate+"?flagConfigEtag=99", alice).status, "a state that never comes is waited for a moment only")
	require.Less(t, time.Since(start), patience)
}
