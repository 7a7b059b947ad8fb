package swarm

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// read feeds a response in pieces of the given size and returns the messages as "event|id|data".
func read(t *testing.T, response string, size int) ([]string, *Stream) {
	t.Helper()
	var stream Stream
	var got []string
	for len(response) > 0 {
		// Each piece is in a buffer of its own that is overwritten afterwards, like the reading loop's.
		piece := []byte(response[:min(size, len(response))])
		response = response[len(piece):]
		err := stream.Feed(piece, func(m Message) {
			got = append(got, fmt.Sprintf("%s|%s|%s", m.Event, m.ID, m.Data))
		})
		clear(piece)
		if err != nil {
			require.ErrorIs(t, err, ErrEnded)
		}
	}
	return got, &stream
}

// chunk encodes body in chunks of the given size.
func chunk(body string, size int) string {
	var b strings.Builder
	for len(body) > 0 {
		n := min(size, len(body))
		fmt.Fprintf(&b, "%x\r\n%s\r\n", n, body[:n])
		body = body[n:]
	}
	return b.String()
}

func TestStream(t *testing.T) {
	t.Parallel()
	const plain = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
	const chunked = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
	const body = ":hello\n\nevent: unleash-connected\nid: 5\ndata: {\"events\":[]}\n\n" +
		": keep-alive\n\nid:6\nevent:unleash-updated\r\ndata:one\r\ndata: two\r\n\r\nid: 7\n\nretry: 100\ndata\n\n"
	want := []string{"unleash-connected|5|{\"events\":[]}", "unleash-updated|6|one\ntwo", "||"}

	t.Run("ReadsTheSameMessagesWhereverTheBytesAreCut", func(t *testing.T) {
		t.Parallel()
		for size := 1; size <= len(plain)+len(body); size++ {
			got, stream := read(t, plain+body, size)
			require.Equal(t, want, got, "pieces of %d bytes", size)
			require.Equal(t, 200, stream.Status)
		}
	})
	t.Run("ReadsTheSameMessagesWhereverChunksAndBytesAreCut", func(t *testing.T) {
		t.Parallel()
		for chunkSize := 1; chunkSize <= len(body); chunkSize++ {
			response := chunked + chunk(body, chunkSize)
			for _, size := range []int{1, 2, 3, 5, 16, 64, len(response)} {
				got, _ := read(t, response, size)
				require.Equal(t, want, got, "chunks of %d, pieces of %d bytes", chunkSize, size)
			}
		}
	})
	t.Run("IgnoresChunkExtensions", func(t *testing.T) {
		t.Parallel()
		got, _ := read(t, chunked+"9;x=y\r\ndata: a\n\n\r\n", 4)
		require.Equal(t, []string{"||a"}, got)
	})
	t.Run("TellsTheEndOfAChunkedResponse", func(t *testing.T) {
		t.Parallel()
		var stream Stream
		require.ErrorIs(t, stream.Feed([]byte(chunked+"0\r\n\r\n"), nil), ErrEnded)
	})
	t.Run("KeepsTheStatusOfARefusal", func(t *testing.T) {
		t.Parallel()
		_, stream := read(t, "HTTP/1.1 429 Too Many Requests\r\n\r\nno", 7)
		require.Equal(t, 429, stream.Status)
	})
	t.Run("RefusesWhatIsNotHTTP", func(t *testing.T) {
		t.Parallel()
		var stream Stream
		require.Error(t, stream.Feed([]byte("SSH-2.0-x\r\n\r\n"), nil))
		stream = Stream{}
		require.Error(t, stream.Feed([]byte(chunked+"zz\r\n"), nil))
		stream = Stream{}
		require.Error(t, stream.Feed([]byte(strings.Repeat("x", maxHead+1)), nil))
	})
	t.Run("KeepsNothingBetweenWholeMessages", func(t *testing.T) {
		t.Parallel()
		_, stream := read(t, chunked+chunk(body, len(body)), 1<<20)
		require.Nil(t, stream.head)
		require.Empty(t, stream.lines.partial)
		require.Equal(t, Message{}, stream.lines.message)
	})
}

func TestParseUpdates(t *testing.T) {
	t.Parallel()

	t.Run("ReadsTypeIdFlagAndMark", func(t *testing.T) {
		t.Parallel()
		updates, err := ParseUpdates([]byte(`{"events":[
			{"type":"segment-updated","eventId":8,"segment":{"id":1}},
			{"type":"feature-updated","eventId":9,"feature":{"name":"a","strategies":[{"name":"default"},
				{"name":"flexibleRollout","parameters":{"groupId":"change-17","rollout":"50"}}]}}]}`))
		require.NoError(t, err)
		require.Equal(t, []Update{
			{Type: "segment-updated", EventID: 8},
			{Type: "feature-updated", EventID: 9, Flag: "a", Change: 17},
		}, updates)
	})
	t.Run("RefusesABrokenDelta", func(t *testing.T) {
		t.Parallel()
		_, err := ParseUpdates([]byte(`{"events":[`))
		require.Error(t, err)
		_, err = ParseUpdates([]byte(`{"events":[{"feature":{"strategies":[{"parameters":{"groupId":"change-x"}}]}}]}`))
		require.Error(t, err)
	})
}

func TestParseToggles(t *testing.T) {
	t.Parallel()
	updates, err := ParseToggles([]byte("update"), []byte(`{"updated":[{"name":"a","variant":{"name":"v","payload":{"type":"string","value":"change-17"}}},`+
		`{"name":"b","variant":{"name":"disabled"}}],"removed":["c"]}`))
	require.NoError(t, err)
	require.Equal(t, []Update{{Type: "update", Flag: "a", Change: 17}, {Type: "update", Flag: "b"}}, updates)
	updates, err = ParseToggles([]byte("hydration"), []byte(`{"toggles":[]}`))
	require.NoError(t, err)
	require.Empty(t, updates)
	_, err = ParseToggles([]byte("update"), []byte(`{"updated":[`))
	require.Error(t, err)
}

func TestStreamCountsWhatIsSaidBesideHeartbeats(t *testing.T) {
	t.Parallel()
	for size := 1; size < 40; size++ {
		_, stream := read(t, "HTTP/1.1 200 OK\r\n\r\n: heartbeat\n\nevent: x\ndata: 1\n\n:\n\n", size)
		require.EqualValues(t, len("event: x\ndata: 1\n"), stream.lines.said)
	}
}
