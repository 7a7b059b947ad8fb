package sse

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"runtime"
	"sync"
	"time"
)

// Defaults of Config.
const (
	DefaultHeartbeat    = 20 * time.Second // SDKs give up after 60 s without a byte, proxies often after 30 s
	DefaultWriteTimeout = 10 * time.Second
	DefaultRetryMin     = 3 * time.Second
	DefaultRetryMax     = 6 * time.Second
	DefaultMaxStreams   = 100_000

	// ageJitter is the share by which MaxAge varies to either side.
	ageJitter = 0.2

	// userTimeout is how long a peer may leave data unacknowledged before the kernel drops it.
	userTimeout = 45 * time.Second
)

// Config holds a Hub's settings. The zero value of a field means its default.
type Config struct {
	Shards       int           // goroutines that write; GOMAXPROCS
	Heartbeat    time.Duration // how long a stream may be quiet, within ± 20 %; DefaultHeartbeat
	WriteTimeout time.Duration // how long a peer may take for a message; large ones get more; DefaultWriteTimeout

	MaxStreams       int // of the whole hub; DefaultMaxStreams
	MaxStreamsPerKey int // of one key; 0: no limit of its own

	// MaxAge closes streams at that age ± 20 % with a reconnection delay, so that they spread over a growing fleet.
	// 0, the default: never. Below a minute is refused (raised), as SDKs leave streaming after five ends in a minute.
	MaxAge time.Duration

	// RetryMin and RetryMax bound the random reconnection delay a closed stream is told. The defaults (3 s to 6 s) keep
	// an SDK, which halves the delay at random and doubles it at each attempt, below five failures for outages of up to
	// 22 s.
	RetryMin, RetryMax time.Duration

	// Delivered is told, with WakeSince, how long after that time messages were handed to the system, and how many. It is
	// called from the goroutines that write and must not block. nil: nobody.
	Delivered func(Delivery)

	Logger *slog.Logger // slog.DiscardHandler
}

// Hub fans messages out to streams. Make one with New, start it with Run. All methods are safe for concurrent use.
type Hub struct {
	config Config
	start  time.Time
	shards []*shard
	quit   chan struct{} // closed when every stream has ended

	// alive counts the streams from Admit to their end, and the goroutines started for them; Run waits for both.
	alive sync.WaitGroup

	counters

	mu       sync.Mutex
	keys     map[string]*keyed
	total    int
	draining bool
}

// keyed is the list of a key's streams.
type keyed struct {
	first *Stream
	count int
}

// New makes a Hub.
func New(config Config) *Hub {
	def := func(value *time.Duration, fallback time.Duration) {
		if *value <= 0 {
			*value = fallback
		}
	}
	def(&config.Heartbeat, DefaultHeartbeat)
	def(&config.WriteTimeout, DefaultWriteTimeout)
	def(&config.RetryMin, DefaultRetryMin)
	def(&config.RetryMax, DefaultRetryMax)
	config.RetryMax = max(config.RetryMin, config.RetryMax)
	if config.MaxAge > 0 {
		config.MaxAge = max(config.MaxAge, time.Minute)
	}
	if config.Shards <= 0 {
		config.Shards = runtime.GOMAXPROCS(0)
	}
	if config.MaxStreams <= 0 {
		config.MaxStreams = DefaultMaxStreams
	}
	if config.Logger == nil {
		config.Logger = slog.New(slog.DiscardHandler)
	}
	h := &Hub{config: config, start: time.Now(), quit: make(chan struct{}), keys: make(map[string]*keyed)}
	for range config.Shards {
		h.shards = append(h.shards, newShard(h))
	}
	return h
}

// Run delivers until ctx ends, then closes the streams that are left and returns nil when every stream and goroutine has
// ended: at most about a write time-out later. To let clients go gently, call Drain first and end ctx after it.
func (h *Hub) Run(ctx context.Context) error {
	var running sync.WaitGroup
	for _, sh := range h.shards {
		running.Go(sh.run)
	}
	<-ctx.Done()
	h.mu.Lock()
	h.draining = true
	for s := range h.each {
		s.closeLocked(Draining)
	}
	h.mu.Unlock()
	h.alive.Wait()
	close(h.quit)
	running.Wait()
	return nil
}

// Admit makes room for a stream of the key (a token's id; it may be empty) that ends at expires (zero: never). It returns
// ErrOverloaded or ErrDraining when there is none. The stream counts from now on and is closed with its key, so a caller
// that checks the key again after Admit cannot miss its revocation. The caller must call one of the Serve methods or
// Discard.
func (h *Hub) Admit(key string, expires time.Time) (*Stream, error) {
	s := &Stream{hub: h, key: key}
	if !expires.IsZero() {
		s.expires = expires.UnixNano()
	}
	if age := h.config.MaxAge; age > 0 {
		factor := 1 - ageJitter + 2*ageJitter*rand.Float64()
		s.ends = int64(h.now()) + int64(float64(age)*factor)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.draining {
		return nil, ErrDraining
	}
	list := h.keys[key]
	if h.total >= h.config.MaxStreams ||
		(h.config.MaxStreamsPerKey > 0 && list != nil && list.count >= h.config.MaxStreamsPerKey) {
		h.refused.Add(1)
		return nil, ErrOverloaded
	}
	if list == nil {
		list = new(keyed)
		h.keys[key] = list
	}
	if s.next = list.first; s.next != nil {
		s.next.prev = s
	}
	list.first = s
	list.count++
	h.total++
	s.shard = h.shards[0]
	for _, sh := range h.shards[1:] {
		if sh.load < s.shard.load {
			s.shard = sh
		}
	}
	s.shard.load++
	h.alive.Add(1)
	return s, nil
}

// Room is how many clients may be asked to open a stream of the key: what Admit would take, less a sixteenth of MaxStreams
// that is left to streams that come back by themselves.
func (h *Hub) Room(key string) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.draining {
		return 0
	}
	room := h.config.MaxStreams - h.config.MaxStreams/16 - h.total
	if most := h.config.MaxStreamsPerKey; most > 0 {
		if list := h.keys[key]; list != nil {
			most -= list.count
		}
		room = min(room, most)
	}
	return max(room, 0)
}

// forget takes an ended stream off the books.
func (h *Hub) forget(s *Stream) {
	h.mu.Lock()
	defer h.mu.Unlock()
	list := h.keys[s.key]
	if s.prev != nil {
		s.prev.next = s.next
	} else {
		list.first = s.next
	}
	if s.next != nil {
		s.next.prev = s.prev
	}
	s.prev, s.next = nil, nil
	list.count--
	if list.count == 0 {
		delete(h.keys, s.key)
	}
	h.total--
	s.shard.load--
}

// each yields every stream. The caller holds mu.
func (h *Hub) each(yield func(*Stream) bool) {
	for _, list := range h.keys {
		for s := list.first; s != nil; s = s.next {
			if !yield(s) {
				return
			}
		}
	}
}

// Wake says that the topics have news. It returns at once; the shards deliver. News that come while they deliver cause
// another delivery.
func (h *Hub) Wake(topics ...Topic) { h.WakeSince(time.Time{}, topics...) }

// WakeSince is Wake for news that have been there since that time, on the clock of the wall; zero: not known.
func (h *Hub) WakeSince(since time.Time, topics ...Topic) {
	if len(topics) == 0 {
		return
	}
	var at int64
	if !since.IsZero() {
		at = since.UnixNano()
	}
	for _, sh := range h.shards {
		sh.tell(func(in *inbox) {
			for _, topic := range topics {
				if known, waiting := in.wakes[topic]; !waiting || known == 0 {
					in.wakes[topic] = at
				}
			}
		})
	}
}

// WakeAll says that every topic may have news.
func (h *Hub) WakeAll() {
	for _, sh := range h.shards {
		sh.tell(func(in *inbox) { in.wakeAll = true })
	}
}

// CloseKey closes all streams of the key and returns how many. None of them is sent another message once CloseKey has
// returned, but for one that is being written at that instant.
func (h *Hub) CloseKey(key string, reason Reason) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	list := h.keys[key]
	if list == nil {
		return 0
	}
	for s := list.first; s != nil; s = s.next {
		s.closeLocked(reason)
	}
	return list.count
}

// now is the time since the hub was made, on the monotonic clock.
func (h *Hub) now() time.Duration { return time.Since(h.start) }
