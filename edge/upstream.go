package edge

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/pennonhq/pennon/replica"
)

// Upstream is the replica.Source of edges: the flags of every upstream token, each its own feed, in one history. What went
// wrong never takes flags away: until the upstream gives a whole answer, the last one counts. Make it with NewUpstream and
// run it once. Its other methods are safe for concurrent use.
type Upstream struct {
	config       UpstreamConfig
	http         *http.Client
	meter        *meter // of what http asks
	connectionID string
	made         time.Time
	batches      chan handover
	joined       chan struct{} // holds one when feeds wait to be started
	link         *uplink
	tokenNews    *news
	earlier      *position // nil: nothing is known of an earlier run

	mu    sync.Mutex
	feeds []*feed // mu; one's index is its place among the merger's
}

var _ replica.Source = (*Upstream)(nil)

// handover is a batch on its way to the merger, and the way back.
type handover struct {
	batch  *batch
	merged chan<- merged
}

type merged struct {
	revision int64 // the upstream's
	filled   bool  // everything has come once
	restored bool  // there are flags of an earlier run
	err      error
}

// NewUpstream checks the configuration. Nothing is asked before Run.
func NewUpstream(config UpstreamConfig) (*Upstream, error) {
	config, err := config.withDefaults()
	if err != nil {
		return nil, err
	}
	measured := &meter{base: config.Transport}
	u := &Upstream{
		config:       config,
		http:         &http.Client{Transport: measured},
		meter:        measured,
		connectionID: newID(),
		made:         time.Now(),
		batches:      make(chan handover),
		joined:       make(chan struct{}, 1),
		tokenNews:    newNews(),
	}
	u.link = newUplink(u)
	for _, t := range config.Tokens {
		u.Add(t, nil)
	}
	return u, nil
}

// newID draws an identifier in the form of a UUID.
func newID() string {
	var b [16]byte
	for i := range b {
		b[i] = byte(rand.Uint32())
	}
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	text := hex.EncodeToString(b[:])
	return text[:8] + "-" + text[8:12] + "-" + text[12:16] + "-" + text[16:20] + "-" + text[20:]
}

// Run feeds the sink until ctx is done.
func (u *Upstream) Run(ctx context.Context, sink replica.Sink) error {
	group, running := errgroup.WithContext(ctx)
	m := newMerger(sink, u.config.Logger)
	m.resume(u.earlier)
	group.Go(func() error { return u.link.run(running) })
	for {
		for _, f := range u.current()[len(m.feeds):] {
			m.join(f.token.scope())
			group.Go(func() error { return f.run(running) })
			if f.index == 0 && u.config.Bootstrap.URL != "" {
				group.Go(func() error { return f.bootstrap(running) })
			}
		}
		select {
		case <-running.Done():
			if transport, ok := u.config.Transport.(*http.Transport); ok {
				transport.CloseIdleConnections()
			}
			return group.Wait()
		case <-u.joined:
			u.link.ring()
		case h := <-u.batches:
			now := merged{err: m.merge(h.batch)}
			if h.batch.feed < len(m.feeds) {
				from := m.feeds[h.batch.feed]
				now.revision, now.filled, now.restored = from.upstream, from.filled, from.restored
			}
			h.merged <- now
		}
	}
}

// deliver hands a batch over and waits until the Sink has it.
func (u *Upstream) deliver(ctx context.Context, b *batch) merged {
	done := make(chan merged, 1)
	select {
	case u.batches <- handover{b, done}:
		return <-done
	case <-ctx.Done():
		return merged{err: context.Cause(ctx)}
	}
}

// Status is how it stands with one upstream token.
type Status struct {
	Environment string
	Token       string    // redacted
	Mode        Mode      // in use or tried last
	Connected   bool      // the last attempt worked: the stream is up, or the last poll was answered
	Filled      bool      // there are flags from the upstream
	Restored    bool      // there are flags of an earlier run, which are served until the upstream's come
	Refused     bool      // the upstream does not accept the token
	Revision    int64     // newest revision of the upstream
	ContactAt   time.Time // when the upstream was last heard of; zero: never
	Failures    int       // in a row
	Err         error     // what went wrong last; nil while Connected
}

// Status tells how it stands with each token, in the order in which they came.
func (u *Upstream) Status() []Status {
	feeds := u.current()
	all := make([]Status, 0, len(feeds))
	for _, f := range feeds {
		if !f.left.Load() {
			all = append(all, f.status.get())
		}
	}
	return all
}

// Ready returns nil when the flags of every token are there and no token is refused. An upstream that is merely away is no
// reason not to be ready: what there is can be served.
func (u *Upstream) Ready() error {
	for _, s := range u.Status() {
		switch {
		case s.Refused:
			return fmt.Errorf("the upstream refuses the token %s", s.Token)
		case s.Restored && !s.Filled: // as good as it gets without the upstream
		case !s.Filled && s.Err != nil:
			return fmt.Errorf("no flags from the upstream yet for %s: %w", s.Environment, s.Err)
		case !s.Filled:
			return errors.New("no flags from the upstream yet for " + s.Environment)
		}
	}
	return nil
}

// Staleness is how long ago the upstream was last heard of, by the token of which that is longest. It is 0 before the
// first contact.
func (u *Upstream) Staleness(now time.Time) time.Duration {
	var longest time.Duration
	for _, s := range u.Status() {
		if !s.ContactAt.IsZero() {
			longest = max(longest, now.Sub(s.ContactAt))
		}
	}
	return longest
}

// board is a Status that one goroutine writes and others read.
type board struct {
	mu     sync.Mutex
	status Status // mu
}

func (b *board) get() Status {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.status
}

func (b *board) set(change func(*Status)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	change(&b.status)
}

// request makes a GET that identifies this edge as an SDK would.
//
// Unleash-Sdk-Type: edge is left out on purpose: it asks for numbers in place of revisions that also name their history,
// and only the latter tell a restored upstream from one that goes on. Servers of our kind know an edge by its link.
func (u *Upstream) request(ctx context.Context, t UpstreamToken, path, query string) (*http.Request, error) {
	url := u.config.URL + path
	if query != "" {
		url += "?" + query
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, fmt.Errorf("make request: %w", err)
	}
	u.identify(r, t)
	return r, nil
}

// specVersion is the version of the client specification that eval meets.
const specVersion = "5.2.0"

func (u *Upstream) identify(r *http.Request, t UpstreamToken) {
	c := &u.config
	r.Header.Set("User-Agent", c.AppName)
	r.Header.Set("Unleash-Appname", c.AppName)
	r.Header.Set("Unleash-Instanceid", c.InstanceID)
	r.Header.Set("Unleash-Connection-Id", u.connectionID)
	r.Header.Set("Unleash-Client-Spec", specVersion)
	r.Header.Set("Unleash-Sdk", "pennon:"+c.Version)
	for name, value := range c.Headers {
		r.Header.Set(name, value)
	}
	r.Header.Set(c.AuthHeader, t.Secret)
}

func milliseconds(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }
