package push

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/eval"
	"github.com/pennonhq/pennon/sse"
)

func TestClientsGetWhatChangesForTheirContextAndNothingElse(t *testing.T) {
	t.Parallel()
	w := newWorld("a", "b")
	one, two := follow(t, w, streamOf("1")), follow(t, w, streamOf("2"))
	w.put(feature("a", false)) // still on for user 1
	one.catchUp(t)
	two.catchUp(t)
	require.Equal(t, 1, one.got)
	require.Equal(t, 2, two.got)
	require.NotContains(t, two.held, "a")
	require.Regexp(t, `^2-00000002\.[0-9a-f]{16}$`, two.id)
	off := feature("c", true)
	off.Enabled = false
	w.put(off) // new, and on for nobody
	one.catchUp(t)
	two.catchUp(t)
	require.Equal(t, 1, one.got)
	require.Equal(t, 2, two.got)
	one.requireFresh(t, w)
	two.requireFresh(t, w)
}

func TestEqualContextsShareATopicAndItsMessages(t *testing.T) {
	t.Parallel()
	w := newWorld("a")
	named := streamOf("1")
	named.Context = &eval.Context{UserID: "1", Properties: map[string]string{}}
	one, same, other := w.topics.acquire(streamOf("1")), w.topics.acquire(named), w.topics.acquire(streamOf("2"))
	require.Same(t, one, same)
	require.NotSame(t, one, other)
	narrowed := streamOf("1")
	narrowed.Request.Names = []string{"a"}
	require.NotSame(t, one, w.topics.acquire(narrowed))

	_, cursor, _ := one.open()
	w.put(feature("a", false))
	w.put(feature("b", true))
	first, _, err := one.Since(cursor)
	require.NoError(t, err)
	second, _, err := one.Since(cursor)
	require.NoError(t, err)
	require.Same(t, first, second)
}

func TestClientsThatComeBackGetWhatTheyMissed(t *testing.T) {
	t.Parallel()
	w := newWorld("a", "b")
	f := follow(t, w, streamOf("2"))
	back := func() *sse.Message {
		hash, found := hashOf(f.id)
		require.True(t, found)
		message, _, resumed, known := w.topics.acquire(streamOf("2")).resume(hash)
		require.True(t, known)
		require.True(t, resumed)
		return message
	}
	f.topic.release()
	require.Empty(t, back().Event(), "nothing has changed")
	w.put(feature("a", false))
	w.put(feature("c", true))
	message := back()
	require.Equal(t, "some", message.Event())
	f.take(t, message)
	f.requireFresh(t, w)

	before := f.id
	w.put(feature("c", false))
	f.topic.refresh()
	w.put(feature("c", true))
	require.Empty(t, back().Event(), "it changed and changed back")
	f.id = before
	require.Empty(t, back().Event())

	_, _, resumed, known := f.topic.resume(12345)
	require.True(t, known)
	require.False(t, resumed, "no such set")
	for _, id := range []string{"", "7", "7-a", "7-a.x", "x."} {
		_, found := hashOf(id)
		require.False(t, found, id)
	}
}

func TestTopicsWithoutClientsLingerForAWhile(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("a")
		one := w.topics.acquire(streamOf("1"))
		one.release()
		<-time.After(linger / 2)
		again := w.topics.acquire(streamOf("1"))
		require.Same(t, one, again)
		again.release()
		<-time.After(linger)
		w.put(feature("a", false))
		require.Empty(t, w.topics.byEnvironment)
		for i := range lingering + 10 {
			w.topics.acquire(streamOf(strconv.Itoa(i))).release()
		}
		require.Len(t, w.topics.byEnvironment[environment], lingering)
	})
}

func TestSlowClientsAreBroughtToTheHeadByOneMessage(t *testing.T) {
	t.Parallel()
	w := newWorld("a", "b")
	slow, never := follow(t, w, streamOf("2")), follow(t, w, streamOf("2"))
	for i := range logMax + 5 {
		w.put(feature("a", i%2 == 0))
		w.put(feature(fmt.Sprintf("new-%d", i%3), i%2 == 1))
		slow.topic.refresh()
		if i%5 == 0 {
			slow.catchUp(t)
		}
	}
	slow.catchUp(t)
	slow.requireFresh(t, w)
	require.LessOrEqual(t, len(never.topic.log), logMax)
	never.catchUp(t)
	never.requireFresh(t, w)
	require.Equal(t, 2, never.got, "behind what is remembered it is sent everything")
}

// TestFollowersOfRandomWorlds lets followers catch up, come back and fall behind at random.
func TestFollowersOfRandomWorlds(t *testing.T) {
	t.Parallel()
	for seed := range uint64(8) {
		random := rand.New(rand.NewPCG(seed, 2))
		w := newWorld("f0", "f1", "f2", "f3")
		var followers []*follower
		for i := range 6 {
			followers = append(followers, follow(t, w, streamOf(strconv.Itoa(i%3))))
		}
		for range 120 {
			f := feature(fmt.Sprintf("f%d", random.IntN(6)), random.IntN(2) == 0)
			f.Enabled = random.IntN(4) > 0
			w.put(f)
			for _, follower := range followers {
				switch random.IntN(6) {
				case 0: // it comes back
					follower.topic.release()
					hash, _ := hashOf(follower.id)
					follower.topic = w.topics.acquire(follower.topic.Stream)
					message, cursor, resumed, _ := follower.topic.resume(hash)
					if !resumed {
						message, cursor, _ = follower.topic.open()
					}
					follower.cursor = cursor
					follower.take(t, message)
				case 1, 2, 3:
					follower.catchUp(t)
				default:
					continue
				}
				follower.requireFresh(t, w)
			}
		}
	}
}

func TestEnvironmentsThatGoTakeTheirStreamsWithThem(t *testing.T) {
	t.Parallel()
	w := newWorld("a")
	f := follow(t, w, streamOf("1"))
	w.store.Reset(lost())
	_, _, err := f.topic.Since(f.cursor)
	require.ErrorIs(t, err, sse.ErrGone)
	_, _, known := f.topic.open()
	require.False(t, known)
	_, _, _, known = f.topic.resume(1)
	require.False(t, known)
}

func TestDateConstraintsReachClientsWhenTheirMomentComes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("a")
		woken := make(chan []*topic, 10)
		w.topics.clock.ring = func(now time.Time) time.Time {
			var due []*topic
			w.topics.mu.Lock()
			for _, one := range w.topics.byEnvironment[environment] {
				if at := one.next.Load(); at != 0 && at <= now.UnixMilli() {
					due = append(due, one)
				}
			}
			w.topics.mu.Unlock()
			woken <- due
			return w.topics.rung(now)
		}
		at := soon(3 * time.Hour)
		dated := feature("a", true)
		dated.Strategies[0].Constraints = []eval.Constraint{{ContextName: "currentTime", Operator: "DATE_AFTER", Value: &at}}
		w.put(dated)
		began := time.Now()
		f := follow(t, w, streamOf("1"))
		fixed := streamOf("1")
		fixed.Context = &eval.Context{UserID: "1", CurrentTime: began}
		still := follow(t, w, fixed)
		require.Empty(t, f.held)
		var due []*topic
		for len(due) == 0 {
			due = <-woken
		}
		require.Equal(t, []*topic{f.topic}, due)
		require.Equal(t, 3*time.Hour+time.Millisecond, time.Since(began))
		f.catchUp(t)
		still.catchUp(t)
		require.Contains(t, f.held, "a")
		require.Equal(t, 1, still.got)
		f.requireFresh(t, w)
		require.Zero(t, f.topic.next.Load(), "there is no further moment")
	})
}
