package ceiling

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"sync"

	"golang.org/x/sync/errgroup"
)

// Fan sends every frame to every stream. Streams are hijacked connections: between frames one costs a net.Conn and no
// goroutine. A few writer goroutines share the streams and each writes to its own share, one frame after the other.
// It has no write deadlines, heartbeats or resume: a stream that stops reading stops its writer.
type Fan struct {
	writers []*fanWriter

	mu   sync.Mutex
	next int // the writer that gets the next stream
}

type fanWriter struct {
	frames chan []byte

	mu      sync.Mutex
	streams []net.Conn
}

// connected is what a stream receives first.
const connected = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-cache\r\nConnection: close\r\n\r\n" +
	"event: unleash-connected\ndata: {\"events\":[]}\n\n"

// NewFan returns a fan with the given number of writers. Frames queue up to 1,024 deep; then Send waits.
func NewFan(writers int) *Fan {
	f := &Fan{writers: make([]*fanWriter, writers)}
	for i := range f.writers {
		f.writers[i] = &fanWriter{frames: make(chan []byte, 1024)}
	}
	return f
}

// Send hands a frame to the writers. The frame must not be changed afterwards.
func (f *Fan) Send(frame []byte) {
	for _, w := range f.writers {
		w.frames <- frame
	}
}

// ServeHTTP takes the request's connection over as a stream.
func (f *Fan) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	f.mu.Lock()
	writer := f.writers[f.next]
	f.next = (f.next + 1) % len(f.writers)
	f.mu.Unlock()
	// Under the writer's lock, so that no frame can overtake the response head.
	writer.mu.Lock()
	defer writer.mu.Unlock()
	if _, err := conn.Write([]byte(connected)); err != nil {
		_ = conn.Close() // the client has gone
		return
	}
	writer.streams = append(writer.streams, conn)
}

// Run writes until ctx ends.
func (f *Fan) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, w := range f.writers {
		group.Go(func() error { return w.run(ctx) })
	}
	return group.Wait()
}

func (w *fanWriter) run(ctx context.Context) error {
	for {
		select {
		case frame := <-w.frames:
			w.write(frame)
		case <-ctx.Done():
			w.mu.Lock()
			defer w.mu.Unlock()
			for _, conn := range w.streams {
				_ = conn.Close() // nothing is left to be written
			}
			return fmt.Errorf("write streams: %w", context.Cause(ctx))
		}
	}
}

func (w *fanWriter) write(frame []byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	kept := w.streams[:0]
	for _, conn := range w.streams {
		if _, err := conn.Write(frame); err != nil {
			_ = conn.Close() // the client has gone
			continue
		}
		kept = append(kept, conn)
	}
	clear(w.streams[len(kept):])
	w.streams = kept
}
