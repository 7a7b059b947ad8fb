package sse_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/sse"
)

// pipes serves streams over in-memory connections, of which a synctest bubble controls the time.
type pipes struct {
	t     *testing.T
	hub   *sse.Hub
	topic *ledger
	ctx   context.Context // the bubble's, which ends with it
}

// bubble runs test with a hub in a bubble and stops the hub after it.
func bubble(t *testing.T, config sse.Config, test func(*pipes)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		p := &pipes{t: t, hub: sse.New(config), topic: new(ledger), ctx: ctx}
		done := make(chan error, 1)
		go func() { done <- p.hub.Run(ctx) }()
		test(p)
		cancel()
		require.NoError(t, <-done)
	})
}

// stolen is a response whose connection can be taken.
type stolen struct {
	*httptest.ResponseRecorder
	conn net.Conn
}

func (s stolen) Hijack() (net.Conn, *bufio.ReadWriter, error) { return s.conn, nil, nil }

// arrival is a block of a stream and when it came.
type arrival struct {
	at   time.Duration
	text string
}

// dial opens a stream and collects what comes until it ends. The list may be read after wait.
func (p *pipes) dial(t *testing.T, expires time.Time) (arrivals *[]arrival, wait func()) {
	t.Helper()
	start := time.Now()
	stream, err := p.hub.Admit("", expires)
	require.NoError(t, err)
	ours, theirs := net.Pipe()
	arrivals = new([]arrival)
	var reader sync.WaitGroup
	reader.Go(func() {
		defer func() { _ = ours.Close() }()
		response, err := http.ReadResponse(bufio.NewReader(ours), nil)
		if err != nil {
			return
		}
		in := bufio.NewReader(response.Body)
		for block := ""; err == nil; {
			var line string
			line, err = in.ReadString('\n')
			if block += line; line == "\n" {
				*arrivals = append(*arrivals, arrival{time.Since(start), strings.TrimSpace(block)})
				block = ""
			}
		}
		end := "broken"
		if err == io.EOF { //nolint:errorlint // the orderly end, unwrapped
			end = "end"
		}
		*arrivals = append(*arrivals, arrival{time.Since(start), end})
	})
	message, cursor := p.topic.opening()
	request := httptest.NewRequest(http.MethodGet, "/", nil)
	require.NoError(t, stream.ServeEvents(stolen{httptest.NewRecorder(), theirs}, request,
		sse.Subscription{Topic: p.topic, Opening: message, Cursor: cursor}))
	return arrivals, reader.Wait
}

func TestHeartbeatsKeepAQuietStreamAlive(t *testing.T) {
	t.Parallel()
	bubble(t, sse.Config{}, func(p *pipes) {
		t := p.t
		var lists []*[]arrival
		var waits []func()
		for range 40 {
			list, wait := p.dial(t, time.Time{})
			lists, waits = append(lists, list), append(waits, wait)
		}
		<-time.After(10 * time.Minute)
		p.hub.CloseKey("", sse.Changed)
		times := make(map[time.Duration]int)
		for i, wait := range waits {
			wait()
			var last time.Duration
			for _, a := range *lists[i] {
				require.LessOrEqual(t, a.at-last, 25*time.Second)
				last = a.at
				times[a.at]++
			}
			require.Equal(t, ":keep-alive", (*lists[i])[1].text)
			require.GreaterOrEqual(t, (*lists[i])[1].at, 15*time.Second)
		}
		require.Greater(t, len(times), 100, "they spread over time")
	})
}

func TestDrainSpreadsTheEnds(t *testing.T) {
	t.Parallel()
	const streams, over = 500, 10 * time.Second
	bubble(t, sse.Config{}, func(p *pipes) {
		t := p.t
		var lists []*[]arrival
		var waits []func()
		for range streams {
			list, wait := p.dial(t, time.Time{})
			lists, waits = append(lists, list), append(waits, wait)
		}
		p.hub.Drain(p.ctx, over)
		_, err := p.hub.Admit("", time.Time{})
		require.ErrorIs(t, err, sse.ErrDraining)
		seconds := make(map[int]int)
		retries := make(map[string]bool)
		for i, wait := range waits {
			wait()
			list := *lists[i]
			require.Len(t, list, 3)
			delay, found := strings.CutPrefix(list[1].text, "retry: ")
			require.True(t, found)
			ms, err := strconv.Atoi(delay)
			require.NoError(t, err)
			require.GreaterOrEqual(t, ms, 3000)
			require.LessOrEqual(t, ms, 6000)
			retries[delay] = true
			require.Equal(t, "end", list[2].text)
			seconds[int(list[2].at/time.Second)]++
		}
		require.Greater(t, len(retries), streams/2)
		for second := range 10 {
			require.InDelta(t, streams/10, seconds[second], 2)
		}
	})
}

func TestDrainTakesNoLongerThanItsStreamsNeed(t *testing.T) {
	t.Parallel()
	bubble(t, sse.Config{}, func(p *pipes) {
		t := p.t
		_, wait := p.dial(t, time.Time{})
		start := time.Now()
		p.hub.Drain(p.ctx, time.Hour)
		require.Less(t, time.Since(start), time.Second)
		wait()
	})
}

func TestDrainHurriesWhenItsContextEnds(t *testing.T) {
	t.Parallel()
	bubble(t, sse.Config{}, func(p *pipes) {
		t := p.t
		list, wait := p.dial(t, time.Time{})
		_, waitToo := p.dial(t, time.Time{})
		ctx, cancel := context.WithTimeout(p.ctx, time.Millisecond)
		defer cancel()
		p.hub.Drain(ctx, time.Hour)
		wait()
		waitToo()
		require.LessOrEqual(t, (*list)[len(*list)-1].at, time.Millisecond)
	})
}

func TestStreamsEndAtTheirMaximalAge(t *testing.T) {
	t.Parallel()
	const age = 30 * time.Minute
	bubble(t, sse.Config{MaxAge: age}, func(p *pipes) {
		t := p.t
		for range 20 {
			list, wait := p.dial(t, time.Time{})
			defer func() {
				wait()
				last := (*list)[len(*list)-1]
				require.InDelta(t, age, last.at, float64(age)*0.2+float64(3*time.Second))
			}()
		}
		<-time.After(age * 2)
		require.EqualValues(t, 20, p.hub.Stats().Closes[sse.Aged])
	})
}

func TestStreamsEndWhenTheirKeyExpires(t *testing.T) {
	t.Parallel()
	bubble(t, sse.Config{}, func(p *pipes) {
		t := p.t
		list, wait := p.dial(t, time.Now().Add(time.Minute))
		other, waitToo := p.dial(t, time.Now().Add(time.Minute))
		<-time.After(time.Minute)
		p.topic.change(1)
		p.hub.Wake(p.topic)
		wait()
		waitToo()
		for _, l := range []*[]arrival{list, other} {
			last := (*l)[len(*l)-1]
			require.Equal(t, "end", last.text)
			require.InDelta(t, time.Minute, last.at, float64(time.Second))
			for _, a := range *l {
				require.NotContains(t, a.text, `"to":1`, "nothing is sent after the expiry")
			}
		}
	})
}

func TestPeerThatTakesNothingIsClosedAfterTheWriteTimeout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		hub := sse.New(sse.Config{})
		stream, err := hub.Admit("", time.Time{})
		require.NoError(t, err)
		ours, theirs := net.Pipe() // nobody reads
		start := time.Now()
		closed := false
		require.NoError(t, stream.ServeEvents(stolen{httptest.NewRecorder(), theirs}, httptest.NewRequest(http.MethodGet, "/", nil),
			sse.Subscription{Topic: new(ledger), Opening: sse.NewMessage("a", "1", []byte("{}")), Closed: func() { closed = true }}))
		require.InDelta(t, 10*time.Second, time.Since(start), float64(time.Second))
		require.True(t, closed)
		require.EqualValues(t, 1, hub.Stats().Closes[sse.Slow])
		require.NoError(t, ours.Close())
	})
}
