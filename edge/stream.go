package edge

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

const (
	// openingTimeout bounds the wait for a stream to open and to say its first word.
	openingTimeout = 15 * time.Second

	// idleTimeout is after what silence a stream counts as dead. Servers send a comment at least every 30 s.
	idleTimeout = 75 * time.Second
)

var (
	errIdle        = errors.New("the upstream's stream has fallen silent")
	errStreamEnded = errors.New("the upstream has ended the stream")
	errAskedToPoll = errors.New("the upstream asks to poll")
)

// stream follows the upstream until that ends, and returns for how long it did. The error is never nil.
func (f *feed) stream(ctx context.Context) (lived time.Duration, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	silence := time.AfterFunc(openingTimeout, func() { cancel(errIdle) })
	defer silence.Stop()
	defer func() { // what cut the connection says more than how its reader took it
		if cause := context.Cause(ctx); cause != nil {
			err = cause
		}
	}()

	r, err := f.up.request(ctx, f.token, "/client/streaming", f.query())
	if err != nil {
		return 0, err
	}
	r.Header.Set("Accept", "text/event-stream")
	r.Header.Set("Cache-Control", "no-cache")
	r.Header.Set("Accept-Encoding", "identity")
	if last := f.lastID.get(); last != "" {
		r.Header.Set("Last-Event-Id", last)
	}
	f.retry = 0
	answer, err := f.up.http.Do(r)
	if err != nil {
		return 0, fmt.Errorf("open stream: %w", err)
	}
	defer func() { _ = answer.Body.Close() }()
	switch {
	case answer.StatusCode != http.StatusOK:
		return 0, newStatusError(answer)
	case !strings.HasPrefix(answer.Header.Get("Content-Type"), "text/event-stream"):
		// A proxy's or a single-page application's idea of an answer.
		return 0, &statusError{code: http.StatusNotImplemented}
	}

	var opened time.Time
	events := newEventReader(answer.Body, func() {
		if !opened.IsZero() {
			silence.Reset(idleTimeout)
			f.status.set(func(s *Status) { s.ContactAt = time.Now() })
		}
	})
	for {
		message, err := events.next()
		if err != nil {
			if errors.Is(err, io.EOF) {
				err = errStreamEnded
			}
			return since(opened), err
		}
		if message.retry > 0 {
			f.retry = message.retry
		}
		if err := f.message(ctx, message); err != nil {
			return since(opened), err
		}
		if opened.IsZero() && f.status.get().Filled {
			opened = time.Now()
			silence.Reset(idleTimeout)
			f.contact(Streaming)
		}
	}
}

func since(opened time.Time) time.Duration {
	if opened.IsZero() {
		return 0
	}
	return max(time.Since(opened), 1)
}

// message applies one message. What cannot be read is followed by a new stream that starts with everything: without it, a
// change would be missing for good.
func (f *feed) message(ctx context.Context, m message) error {
	switch m.event {
	case "unleash-connected", "unleash-updated":
	case "fetch-mode":
		if strings.TrimSpace(m.data) == "polling" {
			return errAskedToPoll
		}
		return nil
	default:
		return nil
	}
	d, err := parseDocument([]byte(m.data))
	if err == nil {
		err = f.take(ctx, d, 0, false)
	}
	if err != nil {
		f.lastID.set("")
		return err
	}
	f.received(d, nil)
	f.deltaTag, f.fullTag = "", "" // what polling knew is past
	if m.id != "" {
		f.lastID.set(resumable(m.id))
	}
	return nil
}

// resumable is the id if it can be resumed from without harm, else empty. An id that is but a number may mean another state
// on an upstream that was restored; hydrating one edge anew costs less than being wrong.
func resumable(id string) string {
	if strings.Trim(id, "0123456789") == "" {
		return ""
	}
	return id
}
