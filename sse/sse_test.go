package sse_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/pennonhq/pennon/sse"
)

func TestMain(m *testing.M) {
	if task := os.Getenv(readersVariable); task != "" {
		runReaders(task)
		return
	}
	goleak.VerifyTestMain(m)
}

// patience is how long a test waits for something that should happen at once.
const patience = 20 * time.Second

// ledger is a topic: a growing log of changed keys. Its messages say which keys changed between two revisions, each with
// the revision of its newest change.
type ledger struct {
	mu    sync.Mutex
	keys  []int // keys[i] changed at revision i+1
	pad   int   // bytes added to each message
	gone  bool
	cache map[int64]*sse.Message
	calls int
}

type entry struct {
	From int64         `json:"from"`
	To   int64         `json:"to"`
	Set  map[int]int64 `json:"set"`
	Pad  string        `json:"pad,omitempty"`
}

func (l *ledger) change(key int) int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.keys = append(l.keys, key)
	l.cache = nil
	return int64(len(l.keys))
}

func (l *ledger) Since(c sse.Cursor) (*sse.Message, sse.Cursor, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.calls++
	head := int64(len(l.keys))
	switch {
	case l.gone:
		return nil, c, sse.ErrGone
	case c.Revision >= head:
		return nil, c, nil
	}
	message := l.cache[c.Revision]
	if message == nil {
		e := entry{From: c.Revision, To: head, Set: make(map[int]int64), Pad: strings.Repeat("x", l.pad)}
		for r := c.Revision; r < head; r++ {
			e.Set[l.keys[r]] = r + 1
		}
		payload, err := json.Marshal(e)
		if err != nil {
			return nil, c, err
		}
		message = sse.NewMessage("change", fmt.Sprint(head), payload)
		if l.cache == nil {
			l.cache = make(map[int64]*sse.Message)
		}
		l.cache[c.Revision] = message
	}
	return message, sse.Cursor{Revision: head}, nil
}

func (l *ledger) opening() (*sse.Message, sse.Cursor) {
	message, next, _ := l.Since(sse.Cursor{})
	if message == nil {
		message = sse.NewMessage("change", "0", []byte(`{"from":0,"to":0,"set":{}}`))
	}
	return message, next
}

// bench is a hub behind a real HTTP server.
type bench struct {
	hub    *sse.Hub
	topic  *ledger
	server *httptest.Server
	stop   func() // ends Run and waits for it
}

func setup(tb testing.TB, config sse.Config, configure ...func(*httptest.Server)) *bench {
	tb.Helper()
	b := &bench{hub: sse.New(config), topic: new(ledger)}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- b.hub.Run(ctx) }()
	b.server = httptest.NewUnstartedServer(b)
	for _, c := range configure {
		c(b.server)
	}
	if b.server.TLS != nil {
		b.server.StartTLS()
	} else {
		b.server.Start()
	}
	b.stop = sync.OnceFunc(func() {
		cancel()
		require.NoError(tb, <-done)
	})
	tb.Cleanup(func() {
		b.stop()
		b.server.Close()
	})
	return b
}

func (b *bench) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var expires time.Time
	if life, err := time.ParseDuration(r.URL.Query().Get("life")); err == nil {
		expires = time.Now().Add(life)
	}
	stream, err := b.hub.Admit(r.URL.Query().Get("key"), expires)
	switch {
	case errors.Is(err, sse.ErrOverloaded):
		http.Error(w, err.Error(), http.StatusTooManyRequests)
		return
	case err != nil:
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	message, cursor := b.topic.opening()
	subscription := sse.Subscription{Topic: b.topic, Opening: message, Cursor: cursor, Client: r.URL.Query().Get("client")}
	if r.Header.Get("Upgrade") != "" {
		err = stream.ServeWebSocket(w, r, subscription)
	} else {
		err = stream.ServeEvents(w, r, subscription)
	}
	if err != nil {
		stream.Discard()
	}
}

// change makes a change and wakes the hub.
func (b *bench) change(key int) int64 {
	revision := b.topic.change(key)
	b.hub.Wake(b.topic)
	return revision
}

// client is one reader that checks what it reads.
type client struct {
	conn  net.Conn
	lines *bufio.Reader
	at    int64
	state map[int]int64
	seen  int // messages
	other []string
}

// dial opens a plain HTTP/1.1 stream.
func (b *bench) dial(tb testing.TB, query string) *client {
	tb.Helper()
	conn, err := net.Dial("tcp", b.server.Listener.Addr().String())
	require.NoError(tb, err)
	tb.Cleanup(func() { _ = conn.Close() })
	c, response := b.request(tb, conn, query)
	require.Equal(tb, http.StatusOK, response.StatusCode)
	return c
}

func (b *bench) request(tb testing.TB, conn net.Conn, query string) (*client, *http.Response) {
	tb.Helper()
	require.NoError(tb, conn.SetDeadline(time.Now().Add(patience)))
	_, err := fmt.Fprintf(conn, "GET /?%s HTTP/1.1\r\nHost: x\r\n\r\n", query)
	require.NoError(tb, err)
	response, err := http.ReadResponse(bufio.NewReaderSize(conn, 512), nil)
	require.NoError(tb, err)
	return &client{conn: conn, lines: bufio.NewReader(response.Body), state: make(map[int]int64)}, response
}

// next reads up to the end of a block and applies it. It returns io.EOF at the orderly end of the stream.
func (c *client) next() error {
	for {
		line, err := c.lines.ReadString('\n')
		if err != nil {
			return err
		}
		line = strings.TrimSuffix(line, "\n")
		data, isData := strings.CutPrefix(line, "data: ")
		switch {
		case line == "":
			return nil
		case isData:
			if err := c.apply([]byte(data)); err != nil {
				return err
			}
		case strings.HasPrefix(line, "event: "), strings.HasPrefix(line, "id: "):
		default:
			c.other = append(c.other, line)
		}
	}
}

// apply checks that a message continues where the client is: nothing missing, nothing twice, nothing out of order.
func (c *client) apply(data []byte) error {
	var e entry
	if err := json.Unmarshal(data, &e); err != nil {
		return err
	}
	if e.From != c.at || (e.To <= e.From && e.To != 0) {
		return fmt.Errorf("at %d, got %d to %d", c.at, e.From, e.To)
	}
	for key, revision := range e.Set {
		if revision <= c.state[key] {
			return fmt.Errorf("key %d went from %d to %d", key, c.state[key], revision)
		}
		c.state[key] = revision
	}
	c.at = e.To
	c.seen++
	return nil
}

// reach reads until the client is at the revision.
func (c *client) reach(revision int64) error {
	for c.at < revision {
		if err := c.next(); err != nil {
			return fmt.Errorf("at %d of %d: %w", c.at, revision, err)
		}
	}
	return nil
}

// end reads until the stream ends and returns how.
func (c *client) end() error {
	for {
		if err := c.next(); err != nil {
			return err
		}
	}
}

func eventually(t *testing.T, condition func() bool) {
	t.Helper()
	require.Eventually(t, condition, patience, 2*time.Millisecond)
}

func open(b *bench) int {
	n := 0
	for _, count := range b.hub.Stats().Streams {
		n += count
	}
	return n
}
