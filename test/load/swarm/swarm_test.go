package swarm

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestSubscriberNotesOrder(t *testing.T) {
	t.Parallel()
	at := time.Now()
	update := func(change int, eventID int64) Update { return Update{Change: change, EventID: eventID} }
	for name, tc := range map[string]struct {
		updates []Update
		want    Tally
	}{
		"CountsNews":                        {[]Update{update(1, 10), update(2, 11)}, Tally{Deliveries: 2}},
		"AllowsChangesToBeSkipped":          {[]Update{update(1, 10), update(5, 20)}, Tally{Deliveries: 2}},
		"FindsAnOlderMark":                  {[]Update{update(2, 10), update(1, 11)}, Tally{Deliveries: 1, OutOfOrder: 1}},
		"FindsALowerEventId":                {[]Update{update(1, 10), update(2, 9)}, Tally{Deliveries: 1, OutOfOrder: 1}},
		"FindsARepetition":                  {[]Update{update(1, 10), update(1, 10)}, Tally{Deliveries: 1, Duplicates: 1}},
		"FindsARepetitionUnderAnotherEvent": {[]Update{update(1, 10), update(1, 11)}, Tally{Deliveries: 1, Duplicates: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			subscriber := subscriber{flags: make([]seen, 1)}
			var tally Tally
			for _, u := range tc.updates {
				subscriber.note(0, u, at, &tally)
			}
			require.Equal(t, tc.want, tally)
		})
	}
}

// stage is a server whose streams send what the test hands them: one string to every stream.
type stage struct {
	url     netip.AddrPort
	streams []chan string
}

func newStage(t *testing.T, subscribers int) *stage {
	t.Helper()
	s := &stage{}
	next := make(chan chan string, subscribers)
	for range subscribers {
		frames := make(chan string, 16)
		s.streams = append(s.streams, frames)
		next <- frames
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		frames := <-next
		for {
			select {
			case frame, open := <-frames:
				if !open {
					return
				}
				_, _ = io.WriteString(w, frame)
				_ = http.NewResponseController(w).Flush()
			case <-r.Context().Done():
				return
			}
		}
	}))
	t.Cleanup(server.Close)
	s.url = netip.MustParseAddrPort(server.Listener.Addr().String())
	s.send("event: unleash-connected\ndata: {\"events\":[]}\n\n")
	return s
}

func (s *stage) send(frame string) {
	for _, frames := range s.streams {
		frames <- frame
	}
}

func frame(eventID int, flag string, change int) string {
	return fmt.Sprintf("event: unleash-updated\nid: %d\ndata: {\"events\":[{\"type\":\"feature-updated\",\"eventId\":%d,"+
		"\"feature\":{\"name\":%q,\"strategies\":[{\"parameters\":{\"groupId\":\"change-%d\"}}]}}]}\n\n", eventID, eventID, flag, change)
}

func TestSwarm(t *testing.T) {
	t.Parallel()
	const subscribers = 20
	setup := func(t *testing.T) (*stage, *Swarm, context.Context) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		t.Cleanup(cancel)
		stage := newStage(t, subscribers)
		swarm, err := Connect(ctx, Options{Addr: stage.url, Path: "/", Query: func(i int) string { return fmt.Sprint("?i=", i) }, Subscribers: subscribers, Flags: []string{"a", "b"}})
		require.NoError(t, err)
		t.Cleanup(swarm.Close)
		return stage, swarm, ctx
	}

	t.Run("TellsWhenAChangeHasReachedEverySubscriber", func(t *testing.T) {
		t.Parallel()
		stage, swarm, ctx := setup(t)
		began := time.Now()
		wait := swarm.Watch("a", 1)
		stage.send(frame(10, "a", 1))
		arrival := wait(ctx)
		require.Equal(t, subscribers, arrival.Reached)
		require.False(t, arrival.First.Before(began))
		require.False(t, arrival.Last.Before(arrival.First))
		require.Equal(t, subscribers, swarm.Tally().Deliveries)
	})
	t.Run("CountsSubscribersThatMissAChange", func(t *testing.T) {
		t.Parallel()
		stage, swarm, ctx := setup(t)
		for _, frames := range stage.streams[1:] {
			frames <- frame(10, "a", 1)
		}
		short, cancel := context.WithTimeout(ctx, 200*time.Millisecond)
		defer cancel()
		require.Equal(t, 1, swarm.Settle(short, map[string]int{"a": 1}).Missing)
	})
	t.Run("AcceptsACoalescedBurstWhoseFinalStateIsEqual", func(t *testing.T) {
		t.Parallel()
		stage, swarm, ctx := setup(t)
		stage.send(frame(10, "a", 1) + frame(12, "b", 3))
		stage.send(frame(15, "a", 6))
		require.Zero(t, swarm.Settle(ctx, map[string]int{"a": 6, "b": 3}).Missing)
		require.Equal(t, Tally{Deliveries: 3 * subscribers, Bytes: swarm.Tally().Bytes}, swarm.Tally())
	})
	t.Run("TellsWhatEachSubscriberWasSent", func(t *testing.T) {
		t.Parallel()
		stage, swarm, ctx := setup(t)
		before := swarm.Said()
		wait := swarm.WatchSome("a", 1, 1)
		stage.streams[0] <- frame(10, "a", 1)
		arrival := wait(ctx)
		require.Len(t, arrival.Times, 1)
		told := 0
		for i, said := range swarm.Said() {
			if said > before[i] {
				told++
			}
		}
		require.Equal(t, 1, told)
	})
	t.Run("CountsStreamsTheServerEnds", func(t *testing.T) {
		t.Parallel()
		stage, swarm, _ := setup(t)
		close(stage.streams[0])
		require.Eventually(t, func() bool { return swarm.Tally().Closed == 1 }, 10*time.Second, time.Millisecond)
		require.ErrorIs(t, swarm.Tally().FirstError, ErrEnded)
	})
}

func TestConnectReportsARefusal(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	_, err := Connect(ctx, Options{Addr: netip.MustParseAddrPort(server.Listener.Addr().String()), Path: "/", Subscribers: 2})
	require.ErrorContains(t, err, "the server answered 404")
}
